import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { type HttpVersion, jsonOf, type TestAnswer } from './http-client.ts';
import { RestRig, type RestRigOptions } from './rest-rig.ts';

/** What a test of REST inference has at hand. */
export interface Scenario {
  readonly version: HttpVersion;
  readonly rig: RestRig;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<TestAnswer>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<TestAnswer>;
}

/** Declares tests over both versions of HTTP, each with a rig of its own. */
export function overBoth(
  name: string,
  options: RestRigOptions,
  prepare: (rig: RestRig) => Promise<void>,
  declare: (scenario: Scenario) => void,
): void {
  for (const version of ['http1', 'http2'] as const) {
    describe(`${name} over ${version}`, () => {
      let rig: RestRig | undefined;
      before(async () => {
        rig = await RestRig.start(options);
        await prepare(rig);
      });
      after(async () => {
        await rig?.close();
      });
      const started = (): RestRig => {
        assert.ok(rig !== undefined);
        return rig;
      };
      declare({
        version,
        get rig() {
          return started();
        },
        get: (path, headers = {}) => started().client.ask(version, { path, headers }),
        post: (path, body, headers = {}) => started().client.ask(version, { method: 'POST', path, headers, body: bodyOf(body) }),
      });
    });
  }
}

/** Strings and bytes as they are, anything else as JSON. */
const bodyOf = (body: unknown): string | Uint8Array =>
  typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);

/** Checks status and error body, and gives the sentence. */
export function errorOf(answer: TestAnswer, status: number): string {
  assert.equal(answer.status, status, answer.body.toString());
  assert.equal(answer.headers['content-type'], 'application/json');
  const body = jsonOf(answer);
  assert.ok(typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string', String(body));
  return body.error;
}

/** Checks for a 200 and gives its JSON text. */
export function textOf200(answer: TestAnswer): string {
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(answer.headers['content-type'], 'application/json');
  return answer.body.toString();
}
