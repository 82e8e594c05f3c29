/** The door of the room: which worker of the data plane is silent, which has too much, and when one that fell starts again. */
export {
  type Balance,
  connectionToShed,
  NO_BALANCE,
  OVER_FOR_MS,
  SHARE_MAX,
  SHED_EVERY_MS,
  type Shed,
  STREAMS_WORTH_SHEDDING,
  shedBy,
  smoothed,
  weigh,
} from './balance.ts';
export { type NextStart, nextStart, RESTART_PAUSE_MAX_MS, RESTART_PAUSE_MS, STEADY_LIFE_MS } from './restarts.ts';
export {
  BEAT_EVERY_MS,
  LOOK_COUNTS_MAX_MS,
  LOOK_EVERY_MS,
  look,
  NO_WATCH,
  PATIENCE_MS_PER_MIB,
  type Pulse,
  SILENCE_MAX_MS,
  type Watch,
} from './watchdog.ts';
