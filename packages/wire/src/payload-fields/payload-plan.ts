import type { PayloadField } from '@modelmesh/core/records';
import { PAYLOAD_SEARCH_BYTES_MAX, type PayloadFinder } from './finder.ts';
import { JsonFinder } from './json-finder.ts';
import { jsonPlan } from './json-plan.ts';
import { MessageFinder } from './message-finder.ts';
import { messagePlan } from './message-plan.ts';

/** What a payload is: a request of the Open Inference Protocol over gRPC, any other message over gRPC, or a body of REST in JSON. */
export type PayloadForm = 'inference' | 'message' | 'json';

/** Where the declared fields of one policy stand in each form of payload. Made once, used for every call. */
export class PayloadPlan {
  readonly #inference: ReturnType<typeof messagePlan>;
  readonly #message: ReturnType<typeof messagePlan>;
  readonly #json: ReturnType<typeof jsonPlan>;
  readonly #bytesMax: number;

  /** @param fields those that any expression reads */
  constructor(fields: readonly PayloadField[], bytesMax = PAYLOAD_SEARCH_BYTES_MAX) {
    this.#inference = messagePlan(fields, true);
    this.#message = messagePlan(fields, false);
    this.#json = jsonPlan(fields);
    this.#bytesMax = bytesMax;
  }

  /** Looks through one payload; `null`: no field can be in it. Of a body with tensors behind the JSON, only the JSON is given to it. */
  finder(form: PayloadForm): PayloadFinder | null {
    if (form === 'json') return this.#json.fields.length === 0 ? null : new JsonFinder(this.#json, this.#bytesMax);
    const plan = form === 'inference' ? this.#inference : this.#message;
    return plan.fields.length === 0 ? null : new MessageFinder(plan, this.#bytesMax);
  }
}
