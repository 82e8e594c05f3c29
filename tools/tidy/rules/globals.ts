import type { Problem, Rule } from '../rule.ts';
import { importsOf, type SourceFile, type Token } from '../source/index.ts';
import { type Ambient, isAllowed } from './ambient.ts';

interface Use {
  readonly ambient: Ambient;
  readonly what: string;
  readonly line: number;
}

const WANTED: Readonly<Record<Ambient, string>> = {
  clock: 'take a Clock',
  random: 'take a Random',
  turn: 'take a Clock and wait 0 ms',
  env: 'only main.ts reads the environment: take configuration',
};

/** `object.member` that reads the clock, draws a number or reads the environment. */
const MEMBERS: Readonly<Record<string, Ambient>> = {
  'Date.now': 'clock',
  'performance.now': 'clock',
  'performance.timeOrigin': 'clock',
  'process.hrtime': 'clock',
  'process.uptime': 'clock',
  'AbortSignal.timeout': 'clock',
  'Math.random': 'random',
  'process.env': 'env',
};

const FUNCTIONS: Readonly<Record<string, Ambient>> = {
  setTimeout: 'clock',
  setInterval: 'clock',
  setImmediate: 'turn',
  randomUUID: 'random',
  randomBytes: 'random',
  randomInt: 'random',
  randomFillSync: 'random',
  getRandomValues: 'random',
};

const MODULES: Readonly<Record<string, Ambient>> = {
  'node:timers': 'clock',
  'node:timers/promises': 'clock',
  timers: 'clock',
};

export const ambientOnlyInItsDoor: Rule = {
  name: 'clock, chance and environment are read in their own doors only',
  check: ({ code }) =>
    code.flatMap((file) =>
      usesOf(file)
        .filter((use) => !isAllowed(file, use.ambient))
        .map((use): Problem => ({ path: file.path, line: use.line, message: `${use.what}: ${WANTED[use.ambient]}` })),
    ),
};

function usesOf(file: SourceFile): readonly Use[] {
  const { tokens } = file.scan;
  const modules = importsOf(file).flatMap((one) => {
    const ambient = one.kind === 'type' ? undefined : MODULES[one.specifier];
    return ambient === undefined ? [] : [{ ambient, what: one.specifier, line: one.line }];
  });
  return [...modules, ...tokens.flatMap((token, at) => useAt(tokens, token, at) ?? [])];
}

function useAt(tokens: readonly Token[], token: Token, at: number): Use | undefined {
  if (token.kind !== 'word') return undefined;
  const before = tokens[at - 1]?.text;
  const after = tokens[at + 1];
  const ofGlobal = before !== '.' && before !== '?.' ? true : tokens[at - 2]?.text === 'globalThis';
  const member = after?.text === '.' || after?.text === '?.' ? `${token.text}.${tokens[at + 2]?.text}` : '';
  if (ofGlobal && Object.hasOwn(MEMBERS, member)) return use(MEMBERS[member], member, token);
  if (ofGlobal && token.text === 'Date' && before === 'new' && bareDate(tokens, at)) return use('clock', 'new Date()', token);
  if (!Object.hasOwn(FUNCTIONS, token.text) || after?.text === ':' || after?.text === '?') return undefined;
  // A method of that name on an object of ours is no use; on `crypto` or `globalThis` it is.
  const owner = tokens[at - 2]?.text ?? '';
  return ofGlobal || ['crypto', 'webcrypto', 'timers'].includes(owner)
    ? use(FUNCTIONS[token.text], token.text, token)
    : undefined;
}

const bareDate = (tokens: readonly Token[], at: number): boolean => tokens[at + 1]?.text !== '(' || tokens[at + 2]?.text === ')';

const use = (ambient: Ambient | undefined, what: string, token: Token): Use | undefined =>
  ambient === undefined ? undefined : { ambient, what, line: token.line };
