import { type Clock, durationMs, MeshError, type Revision, revision, type Timer, toMeshError } from '@modelmesh/core';
import { applyParameter, type DynamicParameters, isDisabled } from '@modelmesh/core/upkeep';
import { configPrefix, type RegistryLayout } from '@modelmesh/wire/registry';
import type { Kv, KvBatch, KvWatch } from '../../kv/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';

/** Read at a start alone. */
const DISABLE = 'disable';
/** Parameters that are read; what stands beyond is ignored, and an event says so. */
export const PARAMETERS_MAX = 100;
/** Pause before a watch that ended is begun anew. */
const FOLLOW_PAUSE_MS = durationMs(1000);

/** What operators set for all nodes; what they did not set is absent, and each node's own configuration counts. */
export type ParameterOverrides = Partial<DynamicParameters>;

/** What a value that cannot be read leaves in force does not matter here: it is not taken over. */
const UNSET: DynamicParameters = {
  logLevel: 'info',
  logEachInvocation: false,
  scaleUpCallsPerMinute: 0,
  sendDestinationId: false,
};

/** Hears of the parameters. */
export interface ParametersSink {
  /** What is set now: once at the start, then whenever it changed. */
  onParameters(parameters: ParameterOverrides): void;
  /** Something that stands there cannot be taken, or the registry could not be followed. */
  onProblem(message: string): void;
}

/** Refuses the start of a node while the registry forbids it (spec `modelmesh.md` §6.4). @throws {MeshError} `failed-precondition` */
export async function refuseIfDisabled(kv: Kv, layout: RegistryLayout): Promise<void> {
  const key = `${configPrefix(layout)}${DISABLE}`;
  const { entry } = await kv.get(key);
  if (!isDisabled(entry?.value)) return;
  const sentence = `the registry forbids nodes to start: ${key} is ${JSON.stringify(entry?.value)}; delete it, or set it to false`;
  throw new MeshError('failed-precondition', sentence);
}

/** Follows what operators write under `/config/`: lists once, watches from there, and begins anew when the watch ends. */
export class FollowedParameters {
  readonly #kv: Kv;
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #sink: ParametersSink;
  readonly #texts = new Map<string, string>();
  readonly #limits: ReachedLimits;
  /** Whether more stand in the registry than are read. */
  #isOver = false;
  #told: string | undefined;
  #watch: KvWatch | undefined;
  #retry: Timer | undefined;
  #stopped = false;

  constructor(
    { kv, layout, clock }: { readonly kv: Kv; readonly layout: RegistryLayout; readonly clock: Clock },
    limits: ReachedLimits,
    sink: ParametersSink,
  ) {
    this.#kv = kv;
    this.#prefix = configPrefix(layout);
    this.#clock = clock;
    this.#limits = limits;
    this.#sink = sink;
  }

  /** Reads the parameters; the sink has heard of them when it resolves. */
  async start(): Promise<void> {
    const page = await this.#kv.range(this.#prefix, { limit: PARAMETERS_MAX });
    if (page.kind === 'compacted') throw new MeshError('registry-unavailable', 'the parameters could not be listed');
    this.#texts.clear();
    for (const { key, value } of page.entries) this.#texts.set(key.slice(this.#prefix.length), value);
    this.#isOver = false;
    if (page.more) this.#leaveOut();
    this.#tell();
    if (!this.#stopped) this.#follow(revision(page.revision + 1));
  }

  /** Ends the watch; the store belongs to somebody else. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#watch?.cancel();
  }

  #follow(from: Revision): void {
    this.#watch = this.#kv.watch(
      this.#prefix,
      { from },
      {
        batch: (batch) => this.#fold(batch),
        ended: (end) => {
          if (end.kind === 'lost') this.#sink.onProblem(`the parameters are not followed for now: ${end.error.message}`);
          if (end.kind !== 'closed') this.#followLater();
        },
      },
    );
  }

  #followLater(): void {
    if (this.#stopped) return;
    this.#retry = this.#clock.after(FOLLOW_PAUSE_MS, () => {
      this.start().catch((error: unknown) => {
        this.#sink.onProblem(`the parameters are not followed for now: ${toMeshError(error).message}`);
        this.#followLater();
      });
    });
  }

  #fold({ events }: KvBatch): void {
    for (const event of events) {
      const key = event.kind === 'put' ? event.entry.key : event.key;
      const name = key.slice(this.#prefix.length);
      if (event.kind === 'delete') this.#texts.delete(name);
      else if (this.#texts.has(name) || this.#texts.size < PARAMETERS_MAX) this.#texts.set(name, event.entry.value);
      else this.#leaveOut();
    }
    this.#tell();
    // There is room again: what was left out may be read now.
    if (this.#isOver && this.#texts.size < PARAMETERS_MAX) this.#anew();
  }

  #leaveOut(): void {
    this.#isOver = true;
    this.#limits.add('parameters');
  }

  #anew(): void {
    this.#watch?.cancel();
    this.#followLater();
  }

  #tell(): void {
    const { parameters, problems } = overridesOf(this.#texts);
    if (this.#isOver) problems.push(`more than ${PARAMETERS_MAX} stand there, and those beyond are not read`);
    const told = JSON.stringify([parameters, problems]);
    if (told === this.#told) return;
    this.#told = told;
    for (const problem of problems) this.#sink.onProblem(`a parameter in the registry is ignored: ${problem}`);
    this.#sink.onParameters(parameters);
  }
}

const FIELD_OF: Readonly<Record<string, keyof DynamicParameters>> = {
  logger_level: 'logLevel',
  log_each_invocation: 'logEachInvocation',
  scaleup_rpm_threshold: 'scaleUpCallsPerMinute',
  send_destination_id: 'sendDestinationId',
};

function overridesOf(texts: ReadonlyMap<string, string>) {
  let parameters: ParameterOverrides = {};
  const problems: string[] = [];
  for (const [name, text] of texts) {
    const change = applyParameter(UNSET, UNSET, name, text);
    if (change.kind === 'refused' || change.kind === 'unknown') problems.push(change.because);
    const field = FIELD_OF[name];
    // A level that cannot be read is one all the same, as in ModelMesh.
    if (field !== undefined && (change.kind !== 'refused' || field === 'logLevel'))
      parameters = { ...parameters, [field]: change.parameters[field] };
  }
  return { parameters, problems };
}
