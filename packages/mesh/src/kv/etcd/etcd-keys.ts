import { type Revision, revision } from '@modelmesh/core';
import type { KeyValue, WatchedKey } from '@modelmesh/wire/etcd';
import type { KvEntry, LeaseId } from '../port.ts';

const encoder = new TextEncoder();
/** Keys and values of the mesh are UTF-8; what others wrote beside them is shown as well as it can be. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
/** In a request: up to the last key that there is. */
const NO_END = new Uint8Array(1);
/** Where the adapter's own keys stand, behind the root prefix. */
const OWN = '/mm_writers/';
/** No lease has this id: the server grants positive ids of 63 bits, and it would have to grant them all before. */
const NO_LEASE = 0x7fff_ffff_ffff_ffffn;

/** A range of keys as etcd takes it. */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array;
}

/** Puts the root prefix before the keys of the port and takes it off again, and keeps the adapter's own keys out of sight. */
export class EtcdKeys {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The key as it stands in etcd. */
  full(key: string): string {
    return this.#root + key;
  }

  /** The port's key of one that stands in etcd. */
  short(full: string): string {
    return full.slice(this.#root.length);
  }

  bytes(key: string): Uint8Array {
    return encoder.encode(this.full(key));
  }

  text(key: Uint8Array): string {
    return this.short(decoder.decode(key));
  }

  /** Every key under `prefix`, behind `after` where it is given. */
  under(prefix: string, after?: string): KeyRange {
    const start = this.bytes(prefix);
    const rangeEnd = endOf(start);
    if (after === undefined) return { key: start.length === 0 ? NO_END : start, rangeEnd };
    const behind = this.bytes(`${after}\0`);
    return { key: Buffer.compare(behind, start) < 0 ? start : behind, rangeEnd };
  }

  /** Where the keys of one client's writers stand. */
  writers(client: string): string {
    return `${OWN}${client}/`;
  }

  /** Whether a range may hold keys of the adapter. */
  mayHoldOwn(prefix: string): boolean {
    return OWN.startsWith(prefix);
  }

  isOwn(key: string): boolean {
    return key.startsWith(OWN);
  }

  /** What a watch told of a key that the port calls `key`. */
  watched(key: string, { value, createRevision, modRevision, lease }: WatchedKey): KvEntry {
    const entry = { key, value, createRevision: revision(createRevision), modRevision: revision(modRevision) };
    return lease === 0n ? entry : { ...entry, lease: leaseText(lease) };
  }

  entry(kv: KeyValue): KvEntry {
    return {
      key: this.text(kv.key),
      value: decoder.decode(kv.value),
      createRevision: revisionOf(kv.createRevision),
      modRevision: revisionOf(kv.modRevision),
      ...(kv.lease === 0n ? {} : { lease: leaseText(kv.lease) }),
    };
  }
}

/** Text of a value. */
export const valueText = (value: Uint8Array): string => decoder.decode(value);

/** The first key behind all that begin with `prefix`. UTF-8 has no byte 0xff, so the last one can be raised. */
function endOf(prefix: Uint8Array): Uint8Array {
  const last = prefix.at(-1);
  if (last === undefined) return NO_END;
  const end = prefix.slice();
  end[end.length - 1] = last + 1;
  return end;
}

/** Revisions fit: 2^53 of them at ten thousand a second take 28 000 years. */
export const revisionOf = (value: bigint): Revision => revision(Number(value));

/** Leases are named as `etcdctl` names them. */
export const leaseText = (id: bigint): LeaseId => id.toString(16).padStart(16, '0') as LeaseId;
/** The number of a lease; for a text that names none, that of a lease which never was. */
export const leaseNumber = (lease: LeaseId): bigint =>
  /^[0-9a-f]{1,16}$/.test(lease) ? BigInt(`0x${lease}`) & NO_LEASE : NO_LEASE;
