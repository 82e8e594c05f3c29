import { spread } from './trace.ts';

/** Where an actor stands. `frozen`: as after SIGSTOP, it hears of nothing and everything that is due comes when it goes on. */
export type ActorState = 'running' | 'frozen' | 'dead';

/**
 * Someone to whom things happen: one life of a node, one runtime, the registry, a client. What was to happen to a dead one does not.
 */
export class Actor {
  readonly name: string;
  readonly hash: number;
  state: ActorState = 'running';
  /** What became due while it was frozen, in that order. */
  readonly backlog: { readonly what: string; readonly fire: () => void }[] = [];
  /** Timers of its own clock that have neither fired nor been called off. */
  timers = 0;

  constructor(name: string) {
    this.name = name;
    this.hash = spread(name);
  }
}
