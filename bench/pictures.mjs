// A server before another one, which answers with one picture whatever is asked for below `/media/`: for rows without objects.

import { createServer, request } from "node:http";

/** Listens, and gives its address at once; `forward` says later where everything else goes. */
export async function serveInFrontOf(picture) {
  let target;
  const server = createServer((asked, answer) => {
    if (asked.url.startsWith("/media/")) {
      answer.writeHead(200, { "Content-Type": "image/png", "Content-Length": picture.length, "Cache-Control": "max-age=31536000" });
      return answer.end(picture);
    }
    const { method, headers, url } = asked;
    const onward = request(target + url, { method, headers }, (answered) => {
      answer.writeHead(answered.statusCode, answered.rawHeaders);
      answered.pipe(answer);
    });
    asked.pipe(onward);
  });
  server.on("upgrade", (asked, socket) => {
    const onward = request(target + asked.url, { headers: asked.headers });
    onward.end();
    onward.on("upgrade", (answered, other) => {
      const lines = answered.rawHeaders.flatMap((name, at) => (at % 2 ? [] : [`${name}: ${answered.rawHeaders[at + 1]}`]));
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
      other.pipe(socket).pipe(other);
      for (const end of [socket, other]) end.on("error", () => {});
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const forward = (url) => (target = url);
  return { url: `http://localhost:${server.address().port}`, forward, close: () => (server.closeAllConnections(), server.close()) };
}
