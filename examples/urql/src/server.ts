// Where Darkroom is, and who asks. A front end of your own signs in by `Session` of @darkroom/client instead.

const parameters = new URLSearchParams(window.location.search);

export const url = parameters.get("url") ?? "http://localhost:8000/graphql";
export const token = () => parameters.get("token");
