import { Buffer } from 'node:buffer';

/** `GET /v1/models`. */
export const modelListBody = (names: readonly string[]): Uint8Array => Buffer.from(JSON.stringify({ models: names }));

/** `GET /v1/models/{m}`; sent with 503 while the model is not ready. */
export const modelStatusBody = (name: string, ready: boolean): Uint8Array => Buffer.from(JSON.stringify({ name, ready }));
