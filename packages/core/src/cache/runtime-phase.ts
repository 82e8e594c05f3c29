/** The runtime comes, goes, leaks and is recycled. */

import { type Bytes, type ModelKey, type SizeUnits, sizeUnits, unitsForBytes } from '../units.ts';
import { failUnbooked, requeue, takeIn } from './arriving.ts';
import { FAILED_UNITS, LEAK_READINGS_MIN, surpriseHeadroom, unloadReserve } from './config.ts';
import type { Entry } from './entry.ts';
import type { RuntimeReadyEvent } from './event.ts';
import { depart, gone, withdrawClaim } from './leaving.ts';
import { decide, disarm, dropEntry, emit, type Machine, wake } from './machine.ts';
import { UnloadBuffer } from './unload-buffer.ts';

/** A model whose load the runtime died of this often is not tried again until its failure expires. */
export const LOAD_CRASHES_MAX = 2;

/** Decisions that concern the runtime as a whole name no model. */
const NO_MODEL = '' as ModelKey;

/** A fresh runtime: its memory is empty, what waited for it is taken in. */
export function runtimeReady(m: Machine, runtime: RuntimeReadyEvent): void {
  if (m.phase !== 'absent') runtimeLost(m);
  m.runtime = runtime;
  m.phase = 'ready';
  m.leakReadings = 0;
  freshBuffer(m);
  for (const entry of [...m.entries.values()]) takeIn(m, entry);
}

/** All copies are gone with the process; the loads that were wanted start again with the next one. */
export function runtimeLost(m: Machine): void {
  m.phase = 'absent';
  m.recycleReason = null;
  for (const leaving of [...m.leaving.values()]) {
    if (leaving.state.kind === 'draining') m.lingering.add(leaving.state.slot.index);
    gone(m, leaving, true);
  }
  m.draining.clear();
  for (const entry of [...m.entries.values()]) loseCopy(m, entry);
  m.unblocked = [];
  freshBuffer(m);
  failSuspects(m);
}

function loseCopy(m: Machine, entry: Entry): void {
  const { state } = entry;
  if (state.kind === 'failed') return;
  if (state.kind === 'loading') entry.crashes += 1;
  if (state.kind !== 'sizing' && state.kind !== 'active') {
    requeue(m, entry);
    return;
  }
  dropEntry(m, entry);
  m.lingering.add(state.slot.index);
  emit(m, { kind: 'copy-lost', model: entry.model, copy: entry.copy, slot: state.slot });
  withdrawClaim(m, entry);
  wake(m, entry, { kind: 'evicted' });
}

function failSuspects(m: Machine): void {
  for (const entry of [...m.entries.values()]) {
    if (entry.crashes >= LOAD_CRASHES_MAX)
      failUnbooked(m, entry, `the runtime ended ${entry.crashes} times while it loaded this model`);
  }
}

/** The configured reserve, never more than half of the capacity; else the spec's formula. */
function reserveOf({ config, runtime }: Machine, capacity: SizeUnits): SizeUnits {
  if (runtime === null) return sizeUnits(0);
  const { unloadReserveUnits } = config;
  if (unloadReserveUnits !== null) return sizeUnits(Math.min(unloadReserveUnits, Math.floor(capacity / 2)));
  return unloadReserve(capacity, runtime.loadingConcurrency, runtime.defaultSizeUnits);
}

/** Nothing is booked but the remembered failures; those that a smaller runtime has no room for are forgotten. */
function freshBuffer(m: Machine): void {
  const capacity = m.runtime?.capacityUnits ?? sizeUnits(0);
  const reserve = reserveOf(m, capacity);
  const failures = [...m.entries.values()].filter((entry) => entry.state.kind === 'failed');
  m.buffer = new UnloadBuffer(capacity, reserve, surpriseHeadroom(reserve));
  for (const entry of failures) {
    if (m.buffer.excessAfter(FAILED_UNITS, 0) > 0) {
      dropEntry(m, entry);
    } else {
      m.buffer.insert(FAILED_UNITS);
      m.buffer.claim(FAILED_UNITS);
    }
  }
}

/** Drains everything that serves; loads that wait or run start again afterwards. */
export function recycle(m: Machine, reason: string): void {
  if (m.phase !== 'ready') return;
  m.phase = 'recycling';
  m.recycleReason = reason;
  decide(m, { kind: 'recycle', model: NO_MODEL, because: reason });
  for (const leaving of m.leaving.values()) disarmUnload(m, leaving);
  for (const entry of [...m.entries.values()]) {
    if (entry.state.kind === 'sizing' || entry.state.kind === 'active') depart(m, entry, 'recycle', { kind: 'evicted' });
    else requeue(m, entry);
  }
}

function disarmUnload(m: Machine, leaving: Parameters<typeof gone>[1]): void {
  if (leaving.state.kind === 'settling' || leaving.state.kind === 'unload-retry') disarm(m, leaving);
}

/** Once nothing drains any more the runtime can be ended; told once. */
export function endRuntimeWhenDrained(m: Machine): void {
  if (m.recycleReason === null || m.counts.draining > 0) return;
  emit(m, { kind: 'recycle-runtime', reason: m.recycleReason });
  m.recycleReason = null;
}

/**
 * Memory is credited when an unload completed, and believed when it is measured: what the runtime holds beyond its empty self and
 * everything that is booked has leaked. Readings while anything loads or unloads are no evidence.
 */
export function runtimeMeasured(m: Machine, total: Bytes, empty: Bytes): void {
  const moving = m.counts.loading + m.counts.settling + m.counts.unloading;
  if (m.phase !== 'ready' || moving > 0) return;
  const heldUnits = unitsForBytes(Math.max(0, total - empty));
  const leakedUnits = heldUnits - m.buffer.bookedUnits;
  m.leakReadings = leakedUnits > m.config.leakMaxUnits ? m.leakReadings + 1 : 0;
  if (m.leakReadings < LEAK_READINGS_MIN) return;
  recycle(m, `the runtime holds ${leakedUnits} units more than is booked, ${m.config.leakMaxUnits} are allowed`);
}

/** Unloads that were given up cost capacity until the runtime is started anew; above the limit that is done at once. */
export function recycleWhenTooMuchIsLost(m: Machine): void {
  const lost = m.buffer.lostUnits;
  if (lost > m.config.leakMaxUnits)
    recycle(m, `${lost} units were never given back by unloads, ${m.config.leakMaxUnits} are allowed`);
}
