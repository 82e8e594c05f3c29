import { type EpochMs, epochMs, type InstanceId, type SizeUnits, sizeUnits } from '../units.ts';
import type { OpaqueFields } from './model-record.ts';

/**
 * What an instance publishes of itself (spec `modelmesh.md` §3.2). Up to some seconds old when it is read: every decision made on it is
 * checked again by the instance that it names.
 */
export interface InstanceRecord {
  readonly kind: 'instance';
  readonly id: InstanceId;
  readonly startedAtMs: EpochMs;
  /** Build version as a number that grows (spec §3.5); 0 = unknown. */
  readonly buildVersion: number;
  /** The node or host it runs on. */
  readonly location: string;
  readonly zone: string;
  /** Capabilities that type constraints ask for; sorted when written. */
  readonly labels: ReadonlySet<string>;
  /** Last use of the copy that would be evicted first; `undefined` while the cache is empty. */
  readonly leastRecentUseMs: EpochMs | undefined;
  /** Models in the cache, those being unloaded not counted. */
  readonly modelCount: number;
  /** Capacity without the current unload buffer. */
  readonly capacityUnits: SizeUnits;
  /** Booked memory without the current unload buffer. */
  readonly usedUnits: SizeUnits;
  /** Loads that may run at once. */
  readonly loadingThreads: number;
  /** Loads queued, waiting and running. */
  readonly loadsInProgress: number;
  /** Requests a minute; in latency mode processing time in 0.1 % (1000 = one request always running). */
  readonly requestsPerMinute: number;
  /** About to leave: treated as gone. */
  readonly shuttingDown: boolean;

  /** `host:port` at which other nodes reach it; `undefined`: it cannot be forwarded to, as the Java mesh cannot. */
  readonly peerAddress: string | undefined;
  /** One life of the instance; claims of another life are stale. `undefined` from the Java mesh. */
  readonly incarnation: string | undefined;
  /** What this build can read, so that new meaning is written only once all can. */
  readonly features: ReadonlySet<string>;
  readonly unknownFields: OpaqueFields;
}

/** Whether the record was written by an instance of the Java mesh: one of ours names its life. */
export const isJavaInstance = ({ incarnation }: Pick<InstanceRecord, 'incarnation'>): boolean => incarnation === undefined;

/** What {@link newInstanceRecord} must be told; everything else has a default. */
export type NewInstanceRecord = Pick<InstanceRecord, 'id' | 'startedAtMs'> &
  Partial<Omit<InstanceRecord, 'kind' | 'id' | 'startedAtMs'>>;

/** The record of an empty, idle instance without capacity, except for what `fields` say. */
export const newInstanceRecord = (fields: NewInstanceRecord): InstanceRecord => ({
  kind: 'instance',
  buildVersion: 0,
  location: '',
  zone: '',
  labels: new Set(),
  leastRecentUseMs: undefined,
  modelCount: 0,
  capacityUnits: sizeUnits(0),
  usedUnits: sizeUnits(0),
  loadingThreads: 1,
  loadsInProgress: 0,
  requestsPerMinute: 0,
  shuttingDown: false,
  peerAddress: undefined,
  incarnation: undefined,
  features: new Set(),
  unknownFields: new Map(),
  ...fields,
});

/** The record that says: route nothing to me, place nothing on me. */
export const withShutdownAnnounced = (record: InstanceRecord): InstanceRecord => ({ ...record, shuttingDown: true });

/** The instant at which an empty cache's record is read as "never used": `undefined` becomes the end of time, as ModelMesh stores it. */
export const leastRecentUseOrEndOfTime = (record: InstanceRecord): EpochMs =>
  record.leastRecentUseMs ?? epochMs(Number.MAX_SAFE_INTEGER);
