import { assertNever } from '@modelmesh/core';
import type { KvCondition, KvEntry } from './port.ts';

/** Whether a condition holds for the newest state of its key. */
export function holds(condition: KvCondition, current: KvEntry | null): boolean {
  switch (condition.kind) {
    case 'absent':
      return current === null;
    case 'present':
      return current !== null;
    case 'unchanged':
      return current?.modRevision === condition.modRevision;
    default:
      return assertNever(condition);
  }
}
