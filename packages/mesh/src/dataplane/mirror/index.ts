/** The door of the room: calls that shadows get too, and how their answers compare. */
export { SHADOW_LIMITS, type ShadowLimits } from './limits.ts';
export { newCall } from './mirrored-call.ts';
export { mirrorsOf } from './mirrors-of.ts';
export { NO_COPY_PAUSE_MS, Shadows, type ShadowsParts } from './shadows.ts';
