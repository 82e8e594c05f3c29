/** The door of the room: which pages from elsewhere may ask, and how they are told, over HTTP/2 and HTTP/1.1. */
export { answerCorsHttp1 } from './cors-http1.ts';
export { CorsPolicy } from './cors-policy.ts';
export { acceptCors } from './cors-stream.ts';
