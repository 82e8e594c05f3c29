import { SeededRandom } from '../load/index.ts';
import type { Fleet, FleetModel } from './fleet.ts';
import { GrpcClients, type Heard } from './grpc-clients.ts';
import { type Allowance, type CallKind, type MadeCall, Tally } from './outcome.ts';
import { RestClient } from './rest-client.ts';

/** What a load consists of. */
export interface LoadPlan {
  /** host:port of every node. */
  readonly addresses: readonly string[];
  readonly fleet: Fleet;
  /** host:port of nodes that callers of their own know alone: they are called at the same pace while a node that all others know is silent. */
  readonly witnesses: readonly string[];
  /** At least so many calls; more where what is done meanwhile takes longer. */
  readonly calls: number;
  /** Callers that have one call under way each. */
  readonly grpcLanes: number;
  readonly restLanes: number;
  readonly allowance: Allowance;
  readonly seed: number;
}

/** Of a hundred calls over gRPC so many are streams, and so many say `mm-retry: never`. */
const STREAMS_OF_100 = 2;
const NEVERS_OF_100 = 2;
/** Of a thousand calls so many go to a model that was cold at the start. */
const COLD_OF_1000 = 10;
const GRPC_CHANNELS = 4;
/** Callers of each node that is called for itself. */
const WITNESS_LANES = 3;

/** The entry of its callers goes nowhere. */
const STAYS: Partial<Allowance> = { entryMayBeLost: false };

/** How a call came to its end. */
interface CallEnd {
  readonly startMs: number;
  readonly isSecond: boolean;
  readonly allowance: Allowance;
}

type Call = (kind: CallKind, model: FleetModel, id: string) => Promise<Heard>;

/** A closed load on all nodes, which goes on until it has its calls and is told to end. */
export class ChaosLoad implements Disposable {
  readonly tally = new Tally();
  readonly beganMs = performance.now();
  /** Resolves when all lanes have ended. */
  readonly ended: Promise<void>;
  readonly #plan: LoadPlan;
  readonly #random: SeededRandom;
  readonly #grpc: GrpcClients;
  readonly #witnesses: readonly GrpcClients[];
  readonly #rest: readonly RestClient[];
  readonly #milestones: { readonly calls: number; readonly reached: () => void }[] = [];
  #begun = 0;
  #mayEnd = false;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#random = new SeededRandom(plan.seed);
    const { entryMayBeLost } = plan.allowance;
    this.#grpc = new GrpcClients(plan.addresses, GRPC_CHANNELS, entryMayBeLost);
    this.#rest = Array.from({ length: plan.restLanes }, (_, lane) => new RestClient(plan.addresses, lane, entryMayBeLost));
    this.#witnesses = plan.witnesses.map((address) => new GrpcClients([address], 1, entryMayBeLost));
    const lanes = [
      ...Array.from({ length: plan.grpcLanes }, (_, lane) => this.#lane(this.#grpcKind, this.#overGrpc(this.#grpc, lane))),
      ...this.#witnesses.flatMap((clients) =>
        Array.from({ length: WITNESS_LANES }, () => this.#lane(() => 'unary', this.#overGrpc(clients, 0), STAYS)),
      ),
      ...this.#rest.map((client) =>
        this.#lane(
          () => 'rest',
          (_kind, model, id) => client.call(model, id),
        ),
      ),
    ];
    this.ended = Promise.all(lanes).then(() => {});
  }

  /** Resolves when `calls` more have ended, for what is to happen in the middle of the load. */
  after(calls: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#milestones.push({ calls: this.tally.calls + calls, reached: resolve });
    return promise;
  }

  /** It may end once it has its calls. */
  mayEnd(): void {
    this.#mayEnd = true;
  }

  [Symbol.dispose](): void {
    for (const clients of [this.#grpc, ...this.#witnesses]) clients[Symbol.dispose]();
    for (const client of this.#rest) client[Symbol.dispose]();
  }

  #grpcKind = (): CallKind => {
    const draw = this.#random.below(100);
    if (draw < STREAMS_OF_100) return 'stream';
    return draw < STREAMS_OF_100 + NEVERS_OF_100 ? 'never' : 'unary';
  };

  /** A lane stays with its channel: a second connection is one that this channel has, to another node. */
  #overGrpc(clients: GrpcClients, lane: number): Call {
    return (kind, model, id) => clients.call(kind === 'rest' ? 'unary' : kind, lane, model, id);
  }

  #model(): FleetModel {
    const { warm, cold } = this.#plan.fleet;
    const of = cold.length > 0 && this.#random.below(1000) < COLD_OF_1000 ? cold : warm;
    const model = of[this.#random.below(of.length)];
    if (model === undefined) throw new Error('the fleet is empty');
    return model;
  }

  async #lane(kindOf: () => CallKind, call: Call, differing: Partial<Allowance> = {}): Promise<void> {
    const allowance = { ...this.#plan.allowance, ...differing };
    while (!this.#mayEnd || this.#begun < this.#plan.calls) {
      this.#begun += 1;
      const [kind, model, id] = [kindOf(), this.#model(), `c${this.#begun}`];
      const startMs = performance.now();
      let heard = await call(kind, model, id);
      const isSecond = deservesSecond(kind, heard, allowance);
      if (isSecond) heard = await call(kind, model, id);
      // A call that had its second connection and failed all the same is excepted by nothing.
      const excepted = { ...allowance, entryMayBeLost: allowance.entryMayBeLost && !isSecond };
      this.#count({ kind, toCold: this.#plan.fleet.cold.includes(model) }, heard, { startMs, isSecond, allowance: excepted });
    }
  }

  #count(call: MadeCall, heard: Heard, { startMs, isSecond, allowance }: CallEnd): void {
    switch (heard.kind) {
      case 'right':
        this.tally.answered(call.kind, performance.now() - startMs);
        if (isSecond) this.tally.reconnected += 1;
        break;
      case 'wrong':
        this.tally.wrong += 1;
        break;
      case 'failed':
        this.tally.failed(call, heard.failure, allowance);
    }
    for (let at = this.#milestones.length - 1; at >= 0; at--) {
      if (this.tally.calls < (this.#milestones[at]?.calls ?? 0)) continue;
      this.#milestones.splice(at, 1)[0]?.reached();
    }
  }
}

/** REST clients may always reconnect once. Those of gRPC end in peace with a node that says goodbye, and need it only where none was said. */
function deservesSecond(kind: CallKind, heard: Heard, { entryMayBeLost }: Allowance): boolean {
  if (heard.kind !== 'failed' || !heard.failure.isConnection) return false;
  return kind === 'rest' || (kind === 'unary' && entryMayBeLost);
}
