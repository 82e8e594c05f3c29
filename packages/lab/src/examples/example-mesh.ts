import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withAbsoluteStorage } from '@modelmesh/cli/manifests';
import { RestClient } from '@modelmesh/sdk/client';
import { HEADER, ORIGIN_HEADER } from '@modelmesh/wire/headers';
import { parseAllDocuments } from 'yaml';
import { NodeProcess, type NodeProcessOptions } from '../node-process/index.ts';

/** The folder of all examples. */
const EXAMPLES = fileURLToPath(new URL('../../../../examples/', import.meta.url));

/** Calls that are under way at a time. */
const CALLS_AT_A_TIME = 32;

/** What a call came back with. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly revision: string | null;
  readonly variant: string | null;
  readonly model: string | null;
  /** The rule that decided; `null`: none did. */
  readonly rule: string | null;
  readonly headers: Headers;
}

/** A statement that an example proves, and whether it was found true. */
export interface Claim {
  readonly text: string;
  readonly holds: boolean;
}

/** A real node for an example, with what the example does to it and finds. */
export class ExampleMesh implements AsyncDisposable {
  readonly claims: Claim[] = [];
  readonly rest: RestClient;
  readonly #node: NodeProcess;
  readonly #tell: (line: string) => void;

  private constructor(node: NodeProcess, tell: (line: string) => void) {
    this.#node = node;
    this.#tell = tell;
    this.rest = new RestClient(node.url);
  }

  /** Starts a node with nothing in it. @param tell prints a line for whoever runs the example */
  static async start(tell: (line: string) => void, options: NodeProcessOptions = {}): Promise<ExampleMesh> {
    return new ExampleMesh(await NodeProcess.start(options), tell);
  }

  /** Prints a line. */
  tell(line: string): void {
    this.#tell(line);
  }

  /** Notes a statement, and prints it with what was found. */
  claim(text: string, holds: boolean): void {
    this.claims.push({ text, holds });
    this.#tell(`${holds ? '✔' : '✘'} ${text}`);
  }

  /**
   * Applies every manifest of a file below `examples`; a relative storage URI is read against the file's folder, as `mmesh apply` does.
   *
   * @param ours what of each is applied, where the file holds manifests of another system; `undefined`: nothing
   */
  async apply(file: string, ours: (value: unknown) => unknown = (value) => value): Promise<void> {
    const path = join(EXAMPLES, file);
    for (const document of parseAllDocuments(readFileSync(path, 'utf8'))) {
      const manifest = withAbsoluteStorage(ours(document.toJS()), dirname(path));
      if (manifest === undefined) continue;
      const { kind, name, change } = await this.rest.apply(manifest);
      this.#tell(`applied ${kind} ${name} of examples/${file}: ${change}`);
    }
  }

  /** The first recorded request of an example model. */
  requestOf(model: string): string {
    const recorded = JSON.parse(readFileSync(join(EXAMPLES, 'models', model, 'expected.json'), 'utf8')) as Recorded;
    return JSON.stringify(recorded.cases[0]?.request);
  }

  /** Calls a path below `/v2/models/`, and asks where the answer comes from. */
  async call(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await fetch(`${this.#node.url}/v2/models/${path}/infer`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', [HEADER.explain]: 'true' },
      body,
    });
    return {
      status: response.status,
      body: await response.text(),
      revision: response.headers.get(ORIGIN_HEADER.revision),
      variant: response.headers.get(ORIGIN_HEADER.variant),
      model: response.headers.get(ORIGIN_HEADER.model),
      rule: response.headers.get(ORIGIN_HEADER.rule),
      headers: response.headers,
    };
  }

  /** Makes so many calls, in any order, some at a time. */
  async callAll(count: number, call: (at: number) => Promise<Answer>): Promise<readonly Answer[]> {
    const answers: Answer[] = new Array(count);
    let next = 0;
    const caller = async (): Promise<void> => {
      while (next < count) {
        const at = next;
        next += 1;
        answers[at] = await call(at);
      }
    };
    await Promise.all(Array.from({ length: CALLS_AT_A_TIME }, caller));
    return answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]();
  }
}

interface Recorded {
  readonly cases: readonly { readonly request: unknown }[];
}
