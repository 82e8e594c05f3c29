import { type EndpointId, endpointId, epochMs, type InstanceId, type Namespace, namespace } from '@modelmesh/core';
import {
  type ArmFigures,
  type EndpointFigures,
  type FiguresRecord,
  newFiguresRecord,
  newWeightsRecord,
  type WeightsRecord,
} from '@modelmesh/core/records';
import { longOf } from './json.ts';
import type { ObjectReader } from './object-reader.ts';
import { objectOf, type Property, restOf, unless } from './object-writer.ts';
import { readSlots, slotObjects } from './slot-runs.ts';

/** Strategies set weights of the main split alone. */
const MAIN_SPLIT = '';

/** Reads what one life of an instance counted. */
export function readFiguresRecord(reader: ObjectReader, instance: InstanceId): FiguresRecord {
  const incarnation = reader.string('incarnation') ?? '';
  const endpoints = reader.objects('endpoints').map(readEndpoint);
  return newFiguresRecord({ instance, incarnation, endpoints, unknownFields: reader.rest() });
}

/** The properties of what an instance counted. */
export function figuresRecordObject({ incarnation, endpoints, unknownFields }: FiguresRecord): object {
  const known: Property[] = [
    ['incarnation', incarnation],
    ['endpoints', endpoints.map((one, at) => endpointObject(one, restOf(restOf(unknownFields, 'endpoints'), String(at))))],
  ];
  return objectOf(known, unknownFields) ?? {};
}

function readEndpoint(reader: ObjectReader): EndpointFigures {
  const id = reader.string('id') ?? '';
  const space = reader.string('namespace');
  if (id === '') throw reader.refusal('id', 'the id of an endpoint');
  return {
    namespace: namespace(space === undefined || space === '' ? 'default' : space),
    id: endpointId(id),
    revision: reader.natural('revision') ?? 0,
    policyAtMs: epochMs(reader.integer('policyAtMs') ?? 0),
    arms: reader.objects('arms').map(readArm),
  };
}

const endpointObject = (
  { namespace: space, id, revision, policyAtMs, arms }: EndpointFigures,
  rest: ReadonlyMap<string, unknown>,
) =>
  objectOf(
    [
      ['namespace', unless<string>(space, 'default')],
      ['id', id],
      ['revision', revision],
      ['policyAtMs', policyAtMs === 0 ? undefined : longOf(policyAtMs)],
      ['arms', arms.map((arm, at) => armObject(arm, restOf(restOf(rest, 'arms'), String(at))))],
    ],
    rest,
  );

const readArm = (reader: ObjectReader): ArmFigures => {
  const calls = reader.natural('calls') ?? 0;
  return { variant: reader.string('variant') ?? '', calls, rewards: Math.min(calls, reader.natural('rewards') ?? 0) };
};

const armObject = ({ variant, calls, rewards }: ArmFigures, rest: ReadonlyMap<string, unknown>) =>
  objectOf(
    [
      ['variant', variant],
      ['calls', unless(calls, 0)],
      ['rewards', unless(rewards, 0)],
    ],
    rest,
  );

/** Reads the weights of an endpoint. */
export function readWeightsRecord(reader: ObjectReader, id: EndpointId, space: Namespace): WeightsRecord {
  return newWeightsRecord({
    id,
    namespace: space,
    revision: reader.natural('revision') ?? 0,
    sequence: reader.natural('sequence') ?? 0,
    changedAtMs: epochMs(reader.integer('changedAtMs') ?? 0),
    slots: readSlots(reader.objects('slots')).get(MAIN_SPLIT) ?? [],
    carried: reader.objects('carried').map(readArm),
    unknownFields: reader.rest(),
  });
}

/** The properties of the weights of an endpoint. */
export function weightsRecordObject(record: WeightsRecord): object {
  const { slots, carried, unknownFields } = record;
  const carriedRest = restOf(unknownFields, 'carried');
  const known: Property[] = [
    ['revision', record.revision],
    ['sequence', record.sequence],
    ['changedAtMs', record.changedAtMs === 0 ? undefined : longOf(record.changedAtMs)],
    ['slots', slots.length === 0 ? undefined : slotObjects(new Map([[MAIN_SPLIT, slots]]), restOf(unknownFields, 'slots'))],
    ['carried', carried.length === 0 ? undefined : carried.map((arm, at) => armObject(arm, restOf(carriedRest, String(at))))],
  ];
  return objectOf(known, unknownFields) ?? {};
}
