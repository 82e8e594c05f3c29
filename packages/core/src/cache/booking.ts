/** The turn of a load has come: book it and make room for it, or say why not. */

import type { SizeUnits } from '../units.ts';
import type { Entry } from './entry.ts';
import { depart } from './leaving.ts';
import { decide, emit, type Machine, rank, rankWhenBooked, touch } from './machine.ts';
import { type CacheRefusal, refusalText } from './outcome.ts';
import { findRoom, fits, makeRoom, type RoomWanted } from './victims.ts';

/**
 * Gives the load its place in the queue and writes its claim, unless it is certain by now that it cannot be taken: then those who want
 * it are told at once, and can ask elsewhere.
 */
export function enqueue(m: Machine, entry: Entry, units: SizeUnits): void {
  entry.wantedUnits = units;
  if (units > m.buffer.effectiveUnits) {
    refuse(m, entry, { kind: 'too-large', neededUnits: units, effectiveUnits: m.buffer.effectiveUnits });
    return;
  }
  useNow(m, entry);
  if (entry.onlyFreeRoom && !hasRoom(m, entry)) {
    refuse(m, entry, { kind: 'no-free-room', neededUnits: units });
    return;
  }
  const room = findRoom(m, roomFor(m, entry));
  if (room.kind === 'refused') {
    refuse(m, entry, room.refusal);
    return;
  }
  m.queue.push(entry);
  entry.claimOpen = true;
  emit(m, { kind: 'claim', model: entry.model, copy: entry.copy, sinceMs: m.now.wallMs, units });
}

/** Books the load at the head of the queue and takes it out; true if it is booked. One that has to be held stays where it is. */
export function book(m: Machine, entry: Entry): boolean {
  if (entry === m.heldBack && !m.roomChanged) return false;
  if (entry.onlyFreeRoom && !hasRoom(m, entry)) {
    refuse(m, entry, { kind: 'no-free-room', neededUnits: entry.wantedUnits });
    return false;
  }
  useNow(m, entry);
  const room = makeRoom(m, roomFor(m, entry));
  switch (room.kind) {
    case 'refused':
      refuse(m, entry, room.refusal);
      return false;
    case 'hold':
      hold(m, entry);
      return false;
    case 'made':
      if (m.heldBack === entry) m.heldBack = null;
      m.queue.remove(entry);
      m.buffer.insert(entry.wantedUnits);
      entry.units = entry.wantedUnits;
      rank(m, entry);
      return true;
  }
}

/** True when booking it would push nothing out. */
export const hasRoom = (m: Machine, entry: Entry): boolean => fits(m, roomFor(m, entry), 0, 0);

/** What is wanted now is used now; other threads may count uses that are later still, which must not make it look old. */
function useNow(m: Machine, entry: Entry): void {
  if (isWantedNow(entry)) touch(m, entry, m.now.wallMs);
}

const isWantedNow = ({ awaited, wantedNow }: Entry): boolean => awaited || wantedNow;

function roomFor(m: Machine, entry: Entry): RoomWanted {
  const onlyUpToRank = isWantedNow(entry) ? null : rankWhenBooked(m, entry);
  return { forEntry: entry, insertUnits: entry.wantedUnits, onlyUpToRank };
}

/** Keeps the head of the queue waiting until something that calls wait for serves; written down once, however often it is tried. */
function hold(m: Machine, entry: Entry): void {
  m.heldBack = entry;
  m.roomChanged = false;
  if (entry.holdTold) return;
  entry.holdTold = true;
  decide(m, { kind: 'hold', model: entry.model, neededUnits: entry.wantedUnits, awaitedCopies: m.lastResort.size });
}

/** Gives the copy up with a reason. A model that could never fit counts as a failed load in its record, so that its status says why. */
export function refuse(m: Machine, entry: Entry, refusal: CacheRefusal): void {
  const because = refusalText(refusal);
  decide(m, { kind: 'refuse', model: entry.model, refusal, because });
  const recorded = refusal.kind === 'too-large';
  if (recorded) {
    emit(m, { kind: 'record-failure', model: entry.model, atMs: m.now.wallMs, message: because });
    entry.claimOpen = false;
  }
  depart(m, entry, recorded ? 'too-large' : 'evicted', { kind: 'refused', refusal });
}
