import type { ConfigProblem } from './problem.ts';
import type { SettingName, SettingValues } from './settings.ts';
import type { ValueKind } from './value-kind.ts';

/** A value that one source gives to one setting, not yet parsed. */
export interface Given {
  readonly setting: SettingName;
  readonly raw: unknown;
  /** For people: file and line, variable or flag. */
  readonly from: string;
  /** The syntax of this source, where it is not the setting's own. */
  readonly kind?: ValueKind<unknown>;
}

/** What one source says: a later layer outranks an earlier one. */
export interface Layer {
  readonly given: readonly Given[];
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/** A layer under construction. */
export class LayerDraft implements Layer {
  readonly given: Given[] = [];
  readonly problems: ConfigProblem[] = [];
  readonly warnings: ConfigProblem[] = [];

  give(setting: SettingName, raw: unknown, from: string, kind?: ValueKind<unknown>): void {
    this.given.push(kind === undefined ? { setting, raw, from } : { setting, raw, from, kind });
  }
}

/** The value of each setting, and where those came from that were given. */
export interface Resolved {
  readonly values: SettingValues;
  readonly from: ReadonlyMap<SettingName, string>;
}
