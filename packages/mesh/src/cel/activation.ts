import type { RequestFacts } from '@modelmesh/core/traffic';
import { EXPRESSION_NAME_CHARS_MAX, EXPRESSION_NAMES_MAX, EXPRESSION_TEXT_CHARS_MAX } from '@modelmesh/core/traffic';

/** Ends an evaluation whose input is beyond what the bound of its cost stands on. One for all, since it says nothing of the call. */
export const COST_EXCEEDED: Error = new Error('cost exceeded');

/** The text, if expressions may look at one of that length. */
function bounded(text: string, charsMax = EXPRESSION_TEXT_CHARS_MAX): string {
  if (text.length > charsMax) throw COST_EXCEEDED;
  return text;
}

/** Where a map of texts comes from. */
interface TextSource {
  get(name: string): string | undefined;
  names(): readonly string[];
}

/**
 * A map that asks the call for one name at a time instead of being filled with all of them. The library knows maps by their constructor, so
 * this one says that it is a `Map`.
 */
class TextMap extends Map<string, string> {
  readonly #source: TextSource;

  constructor(source: TextSource) {
    super();
    this.#source = source;
  }

  override get(name: string): string | undefined {
    const text = this.#source.get(name);
    return text === undefined ? undefined : bounded(text);
  }

  override has(name: string): boolean {
    return this.#source.get(name) !== undefined;
  }

  override get size(): number {
    return this.#names().size;
  }

  override keys(): MapIterator<string> {
    return this.#names().keys();
  }

  #names(): ReadonlySet<string> {
    const names = this.#source.names();
    if (names.length > EXPRESSION_NAMES_MAX) throw COST_EXCEEDED;
    return new Set(names.map((name) => bounded(name, EXPRESSION_NAME_CHARS_MAX)));
  }
}

Object.defineProperty(TextMap.prototype, 'constructor', { value: Map });

/** The variables of expressions, each read from the present call when it is asked for. One serves all calls, one after the other. */
export class Activation {
  readonly header: Map<string, string>;
  readonly query: Map<string, string>;
  /** An object with a getter for each declared field, made for the policy's declarations. */
  payload: object = {};
  #facts: RequestFacts | undefined;

  constructor() {
    this.header = new TextMap({ get: (name) => this.facts.header(name), names: () => this.facts.headerNames() });
    this.query = new TextMap({ get: (name) => this.facts.query(name), names: () => this.facts.queryNames() });
  }

  /** The call that is looked at; only while an expression runs. */
  get facts(): RequestFacts {
    if (this.#facts === undefined) throw new Error('no expression runs');
    return this.#facts;
  }

  /** Evaluates `run` for a call. */
  during<Value>(facts: RequestFacts, payload: object, run: (activation: Activation) => Value): Value {
    this.#facts = facts;
    this.payload = payload;
    try {
      return run(this);
    } finally {
      this.#facts = undefined;
    }
  }

  get path(): string {
    return bounded(this.facts.path);
  }

  get method(): string {
    return bounded(this.facts.method);
  }

  get tenant(): string {
    return bounded(this.facts.tenant);
  }

  get client(): string {
    return bounded(this.facts.client);
  }

  get time(): Date {
    return new Date(this.facts.nowMs);
  }
}

/** An object whose members are the declared payload fields, read from the present call. */
export function payloadView(
  activation: Activation,
  names: readonly string[],
): { readonly type: new () => object; readonly view: object } {
  class PayloadView {}
  for (const name of names) {
    Object.defineProperty(PayloadView.prototype, name, {
      get: () => {
        const value = activation.facts.payload(name);
        return typeof value === 'string' ? bounded(value) : value;
      },
    });
  }
  return { type: PayloadView, view: new PayloadView() };
}
