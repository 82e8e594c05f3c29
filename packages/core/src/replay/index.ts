/** The door of the room: traces of calls, and what a cache makes of them. */
export { DEFAULT_RECIPE, FAMILY_NAMES, type FamilyName, makeTrace, type Recipe } from './families/index.ts';
export { coldSaved, hitRate, type ModelFigures, type ReplayFigures, TIMELINE_PARTS } from './figures.ts';
export { replayTrace } from './replay-trace.ts';
export { TRACE_CALLS_MAX, TRACE_MODELS_MAX, type Trace, type TraceCache, type TraceModel, totalBytes } from './trace.ts';
export { TRACE_FORMAT, TraceReader, traceLines } from './trace-format.ts';
