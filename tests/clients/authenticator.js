// What keeps passkeys, as a laptop does whose user is there: <https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/>.

/** Gives a page of Chromium a place for passkeys. */
export async function withAuthenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true };
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { ...options, isUserVerified: true, automaticPresenceSimulation: true },
  });
}
