/** The door of the room: one coarse timer for the deadlines of all calls. */
export { type Expirable, TimerWheel, WHEEL_TICK_MS, type WheelTimer } from './timer-wheel.ts';
