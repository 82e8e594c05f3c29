import type { ConfigProblem } from './problem.ts';
import { shownValue } from './problem.ts';
import { type Flags, isFlag, isSwitch } from './variable-layers.ts';

/** A command line, read. */
export interface ParsedFlags {
  readonly flags: Flags;
  /** `--config`: the YAML file to read; `null` if none is named. */
  readonly configPath: string | null;
  readonly help: boolean;
  readonly version: boolean;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Reads the arguments of a node: `--name value`, `--name=value`, and `--name` alone for a setting that is true or false. Whether a flag
 * is known is for `parseConfig` to say, together with everything else.
 */
export function parseFlags(args: readonly string[]): ParsedFlags {
  const flags = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  let [configPath, help, version]: [string | null, boolean, boolean] = [null, false, false];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? '';
    const equals = argument.indexOf('=');
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    if (flag === '--help' || flag === '-h') help = true;
    else if (flag === '--version') version = true;
    else if (!flag.startsWith('--') || flag.length === 2) problems.push({ ...NO_FLAG, name: argument });
    else {
      const next = args[at + 1];
      const takesNext = equals < 0 && next !== undefined && !next.startsWith('--') && (!isSwitch(flag) || isTruth(next));
      if (takesNext) at += 1;
      const value = equals >= 0 ? argument.slice(equals + 1) : takesNext ? next : valueOfNone(flag);
      if (value === undefined || flags.has(flag))
        problems.push({
          name: flag,
          value: value === undefined ? null : shownValue(value),
          from: flag,
          expected: 'one value, once',
        });
      else if (flag === '--config') configPath = value;
      else flags.set(flag, value);
    }
  }
  return { flags, configPath, help, version, problems };
}

const NO_FLAG = { value: null, fault: 'unknown', from: 'command line', expected: 'flags such as --log-level debug' } as const;

/** What a flag without a value says. One that is not known lacks no value: it is handed on, to be told for what it is. */
function valueOfNone(flag: string): string | undefined {
  if (isSwitch(flag)) return 'true';
  return isFlag(flag) || flag === '--config' ? undefined : '';
}

const isTruth = (text: string): boolean => /^(true|false)$/i.test(text);
