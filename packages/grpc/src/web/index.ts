/** The door of the room: calls in gRPC-Web, over HTTP/2 and HTTP/1.1, as streams of gRPC. */
export { acceptHttp1, HTTP1_LINGER_BYTES_MAX, HTTP1_WINDOW_BYTES } from './http1-stream.ts';
export { isGrpcWeb } from './web-format.ts';
export { acceptGrpcWeb, WEB_REQUEST_MESSAGES_MAX } from './web-stream.ts';
