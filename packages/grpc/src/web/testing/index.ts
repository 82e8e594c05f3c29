/** The door of the room: a client of gRPC-Web, and both sides of a translated call. */
export { FakeBelow, FakeCall, webRequest } from './fake-below.ts';
export { askHttp1, askHttp2, type WebAnswer, type WebRequest } from './web-client.ts';
