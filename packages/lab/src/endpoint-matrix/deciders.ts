/** Whatever decides which variant a call gets: a policy, calls that it decides, and the variant that they must get. */
import { SLOTS, UnitHasher } from '@modelmesh/core/traffic';
import type { AskedCall, WayAnswer } from './ways.ts';

/** A variant of the endpoints: its model has the same name. */
export type VariantName = 'stable' | 'canary' | 'broken';

/** What one call is expected to meet. */
export interface Expected {
  readonly variant: VariantName;
  /** What the answer says of why. */
  readonly reason: RegExp;
  /** Label of the metric of picks. */
  readonly picked: string;
}

/** One way to decide. */
export interface Decider {
  readonly name: string;
  /** Of the endpoint, as in a manifest. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** Name of the shadow that gets the calls too; `null`: none does. */
  readonly shadow: VariantName | null;
  /** The call of a number, and what it must meet; `before`: the answer to a call that came first, where {@link asksBefore} says so. */
  asked(
    number: number,
    before: WayAnswer | undefined,
  ): { readonly call: Omit<AskedCall, 'endpoint'>; readonly expected: Expected };
  /** Whether a first call has to bring something. */
  readonly asksBefore: boolean;
}

const variants = (stable: number, canary: number) => [
  { name: 'stable', model: 'stable', weight: stable },
  { name: 'canary', model: 'canary', weight: canary, labels: ['next'] },
];
const base = { default: 'stable', variants: variants(100, 0) };
const plainly = { shadow: null, asksBefore: false } as const;

const rule: Decider = {
  ...plainly,
  name: 'rule',
  spec: { ...base, rules: [{ name: 'gold', when: 'header["x-tier"] == "gold"', to: 'canary' }] },
  asked: () => ({
    call: { headers: { 'x-tier': 'gold' } },
    expected: { variant: 'canary', reason: /^rule gold$/, picked: 'rule' },
  }),
};

const SALT = 'matrix';
const hasher = new UnitHasher(SALT);
const STICKY = { variant: 'stable', reason: /^the unit's share$/, picked: 'sticky' } as const;

const sticky: Decider = {
  ...plainly,
  name: 'sticky',
  spec: { ...base, variants: variants(50, 50), sticky: { by: 'header["x-user-id"]', salt: SALT } },
  // In a new policy the variants own the slots in their order: half of them each.
  asked: (number) => ({
    call: { headers: { 'x-user-id': `user-${number}` } },
    expected: { ...STICKY, variant: hasher.slot(`user-${number}`) < SLOTS / 2 ? 'stable' : 'canary' },
  }),
};

const token: Decider = {
  name: 'token',
  shadow: null,
  asksBefore: true,
  spec: { ...base, variants: variants(50, 50), sticky: { token: { header: 'x-sticky' }, salt: SALT } },
  asked: (_number, before) => ({
    call: { headers: { 'x-sticky': before?.field('x-sticky') ?? 'none was given' } },
    expected: { ...STICKY, variant: before?.field('mm-variant') === 'canary' ? 'canary' : 'stable' },
  }),
};

const strategy: Decider = {
  ...plainly,
  name: 'strategy',
  spec: { ...base, strategy: { name: 'least-loaded' } },
  asked: () => ({ call: {}, expected: { variant: 'stable', reason: /^strategy least-loaded$/, picked: 'strategy' } }),
};

const mirror: Decider = {
  name: 'mirror',
  shadow: 'canary',
  asksBefore: false,
  spec: { ...base, mirror: [{ to: 'canary', percent: 100 }] },
  asked: () => ({ call: {}, expected: { variant: 'stable', reason: /^the weights$/, picked: 'weights' } }),
};

const fallback: Decider = {
  ...plainly,
  name: 'fallback',
  spec: {
    default: 'broken',
    variants: [
      { name: 'broken', model: 'broken', weight: 100 },
      { name: 'canary', model: 'canary', weight: 0 },
    ],
    fallback: { on: ['error'], to: 'canary' },
  },
  asked: () => ({
    call: {},
    expected: { variant: 'canary', reason: /^variant broken cannot be loaded$/, picked: 'unavailable' },
  }),
};

const label: Decider = {
  ...plainly,
  name: 'label',
  spec: base,
  asked: () => ({
    call: { label: 'next' },
    expected: { variant: 'canary', reason: /^the call names the label next$/, picked: 'label' },
  }),
};

/** All of them. */
export const DECIDERS: readonly Decider[] = [rule, sticky, token, strategy, mirror, fallback, label];
