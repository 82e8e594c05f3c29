import type { PlantedBug } from './bug.ts';

const CACHE = 'packages/core/src/cache';
const NODE = 'packages/mesh/src/node';
const LINK = 'packages/mesh/src/link';
const CALL = 'packages/mesh/src/dataplane/call';

/** Each is caught within {@link PLANTED_SEEDS_MAX} seeds, or the simulation is worth less than it says. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'unload-under-calls',
    breaks: 'a copy is unloaded while calls still run on it',
    file: `${LINK}/counters.ts`,
    was: 'if (this.inFlight(slot) !== 0) return false;',
    becomes: '',
  },
  {
    name: 'place-in-queue-kept',
    breaks: 'a call that gave up still counts as waiting',
    file: `${CALL}/locator.ts`,
    was: 'if (left) this.#waitingCalls -= 1;',
    becomes: 'if (left) this.#waitingCalls -= 0;',
  },
  {
    name: 'stale-order',
    breaks: 'uses since the last look do not count when victims are chosen',
    file: `${CACHE}/victims.ts`,
    was: 'heap.update(node, rank);',
    becomes: 'return node.item;',
  },
  {
    name: 'load-before-room',
    breaks: 'a load starts before the copies that it pushes out have gone',
    file: `${CACHE}/unload-buffer.ts`,
    was: 'return this.#occupied + this.#unloading + this.#deficit + units - (',
    becomes: 'return Math.min(this.#unloading, 0) + this.#occupied + this.#deficit + units - (',
  },
  {
    name: 'withdrawal-forgotten',
    breaks: 'the registry names copies that are gone',
    file: `${NODE}/registry/owed-writes.ts`,
    was: 'return { ...before, withdrawn: true, lastUsedMs',
    becomes: 'return { ...before, lastUsedMs',
  },
  {
    name: 'debts-never-paid',
    breaks: 'what the registry did not take is never written again',
    file: `${NODE}/start-control.ts`,
    was: 'await claims.payOwed();',
    becomes: '',
  },
  {
    name: 'lost-lease-taken-for-gone',
    breaks: 'an edit does not wait for a node whose lease has ended, though it may answer calls by the policy before',
    file: `${NODE}/policies/seen-instances.ts`,
    was: 'if (known?.leaves === true) this',
    becomes: 'if (known !== undefined) this',
  },
  {
    name: 'edits-not-told-to-workers',
    breaks: 'workers are not told of a policy that changed after they had their table',
    file: `${NODE}/copies/route-publisher.ts`,
    was: 'for (const { namespace, name } of dirty.endpoints) if (namespace === DEFAULT_NAMESPACE) this',
    becomes: 'for (const { namespace, name } of dirty.endpoints) if (namespace === DEFAULT_NAMESPACE && !this.#started) this',
  },
  {
    name: 'lost-watch-not-followed',
    breaks: 'after a lost watch a node never hears of the registry again',
    file: `${NODE}/registry/registry-mirror.ts`,
    was: '      this.#unwatch();\n      this.#followLater();',
    becomes: '      this.#unwatch();',
  },
  {
    name: 'unknown-taken-for-committed',
    breaks: 'a transaction whose answer was lost counts as committed',
    file: `${NODE}/registry/registry-mirror.ts`,
    was: "if (resolution.kind !== 'committed') return null;",
    becomes: "if (resolution.kind !== 'committed') return revision(1);",
  },
  {
    name: 'unregistered-copy-stays',
    breaks: 'an unregistered model goes on being served',
    file: `${NODE}/copies/local-copies.ts`,
    was: "if (copy !== null) this.#shell.step({ kind: 'remove', model: name });",
    becomes: '',
  },
  {
    name: 'repetition-forbidden-in-vain',
    breaks: 'a call that forbids repetition is repeated',
    file: 'packages/core/src/routing/next-attempt.ts',
    was: "if (call.callRetry === 'never') return",
    becomes: "if (call.callRetry === 'never' && call.responseForwarded) return",
  },
  {
    name: 'waiters-forgotten',
    breaks: 'only the first of those who wait for a model is told',
    file: `${CALL}/locator.ts`,
    was: '      tell(waiter, outcome);\n',
    becomes: '      tell(waiter, outcome);\n      break;\n',
  },
  {
    name: 'timers-left-running',
    breaks: 'a node that has left still has timers',
    file: `${NODE}/copies/cache-shell.ts`,
    was: 'for (const timer of this.#timers.values()) timer.cancel();',
    becomes: '',
  },
  {
    name: 'lease-never-renewed',
    breaks: 'a node whose lease ended goes on with it and is not written into the registry again',
    file: `${NODE}/registry/session.ts`,
    was: '  #lost(): void {\n    this.#lease = undefined;\n',
    becomes: '  #lost(): void {\n',
  },
  {
    name: 'claims-never-lose',
    breaks: 'a claim stands beside copies of live instances that it did not reckon with, so that several load at once',
    file: `${NODE}/registry/claim-book.ts`,
    was: 'if (beside === null || beside === claimedMs || !this.#membership.isLive(holder)) continue;',
    becomes: 'if (beside !== null) continue;',
  },
  {
    name: 'refusal-held-against-it',
    breaks: 'a call passes by the load of a node that refused to load for it a moment ago, and begins another',
    file: `${NODE}/placing/locating.ts`,
    was: 'this.#locateAnywhere(this.#besidesNewHolders(question), 0)',
    becomes: 'this.#locateAnywhere(question, 0)',
  },
  {
    name: 'clock-of-the-holder',
    breaks: 'a copy whose holder has a clock that is behind is taken for loaded while it loads',
    file: 'packages/core/src/view/claim-times.ts',
    was: 'const seenMs = isKnown ? known?.get(instance) : isOff ? epochMs(nowMs) : undefined;',
    becomes: 'const seenMs = isKnown && isOff ? known?.get(instance) : undefined;',
  },
  {
    name: 'load-left-for-another',
    breaks: 'a call leaves a node that loads for it, and has the same model loaded at the next one',
    file: `${CALL}/repeat-facts.ts`,
    was: 'const isLoading = attempt instanceof PeerAttempt && mayBeLoading(plane, call.plan.model, attempt);',
    becomes: 'const isLoading = false;',
  },
  {
    name: 'removed-instance-stays',
    breaks: 'calls are sent to an instance that is known to be gone',
    file: `${NODE}/members/members.ts`,
    was: '    this.cluster.remove(id);\n',
    becomes: '',
  },
  {
    name: 'minimum-one-short',
    breaks: 'one copy fewer is kept than the owner wants',
    file: 'packages/core/src/scaling/wanted-copies.ts',
    was: 'if (live >= min) continue;',
    becomes: 'if (live >= min - 1) continue;',
  },
];

/** So many seeds a bug may survive. */
export const PLANTED_SEEDS_MAX = 500;
