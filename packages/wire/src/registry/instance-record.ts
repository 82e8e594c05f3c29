import { epochMs, type InstanceId, sizeUnits } from '@modelmesh/core';
import { type InstanceRecord, newInstanceRecord } from '@modelmesh/core/records';
import { LONG_MAX, longOf } from './json.ts';
import type { ObjectReader } from './object-reader.ts';
import { objectOf, type Property, restOf, unless } from './object-writer.ts';

/** Reads an InstanceRecord (spec `modelmesh.md` §3.2) with our additions. */
export function readInstanceRecord(reader: ObjectReader, id: InstanceId): InstanceRecord {
  const leastRecentUse = reader.integer('lruTime') ?? LONG_MAX;
  // ModelMesh sets it on records that carry changes and resets it when it reads them: it says nothing that is kept.
  reader.boolean('actionable');
  const ours = reader.object('mesh');
  return newInstanceRecord({
    id,
    startedAtMs: epochMs(reader.integer('startTime') ?? 0),
    buildVersion: reader.integer('vers') ?? 0,
    location: reader.string('loc') ?? '',
    zone: reader.string('zone') ?? '',
    labels: new Set(reader.strings('labels')),
    // ModelMesh writes the largest long for an empty cache and reads 0 as unknown.
    leastRecentUseMs: leastRecentUse <= 0 || leastRecentUse >= LONG_MAX ? undefined : epochMs(leastRecentUse),
    modelCount: reader.natural('count') ?? 0,
    capacityUnits: sizeUnits(reader.natural('cap') ?? 0),
    usedUnits: sizeUnits(reader.natural('used') ?? 0),
    loadingThreads: reader.natural('lThreads') ?? 1,
    loadsInProgress: reader.natural('lInProg') ?? 0,
    requestsPerMinute: reader.natural('rpm') ?? 0,
    shuttingDown: reader.boolean('shutdown'),
    peerAddress: ours.string('peer'),
    incarnation: ours.string('incarnation'),
    features: new Set(ours.strings('features')),
    unknownFields: reader.rest(),
  });
}

const sorted = (names: ReadonlySet<string>): readonly string[] | undefined => (names.size === 0 ? undefined : [...names].sort());

/** The properties of an InstanceRecord in ModelMesh's order, defaults left out. */
export function instanceRecordObject(record: InstanceRecord): object {
  const ours: Property[] = [
    ['peer', record.peerAddress],
    ['incarnation', record.incarnation],
    ['features', sorted(record.features)],
  ];
  const known: Property[] = [
    ['startTime', longOf(record.startedAtMs)],
    ['vers', unless(record.buildVersion, 0)],
    ['loc', unless(record.location, '')],
    ['zone', unless(record.zone, '')],
    ['labels', sorted(record.labels)],
    ['actionable', true],
    ['lruTime', longOf(record.leastRecentUseMs ?? LONG_MAX)],
    ['count', unless(record.modelCount, 0)],
    ['cap', unless<number>(record.capacityUnits, 0)],
    ['used', unless<number>(record.usedUnits, 0)],
    // Always written: the default of readers is not the same everywhere.
    ['lThreads', record.loadingThreads],
    ['lInProg', unless(record.loadsInProgress, 0)],
    ['rpm', unless(record.requestsPerMinute, 0)],
    ['shutdown', unless(record.shuttingDown, false)],
    ['mesh', objectOf(ours, restOf(record.unknownFields, 'mesh'))],
  ];
  return objectOf(known, record.unknownFields) ?? {};
}
