import { STREAM_LIMIT_DEFAULTS, type StreamLimitName } from '@modelmesh/grpc/stream';

/** Limits of HTTP/2, by name: what they bound, and what becomes of what is beyond. */
export const HTTP2_LIMITS = {
  streamsMax: 'streams that the other side has open at once; further ones are refused as unprocessed',
  refusedStreams: 'streams refused so; beyond the rate the connection ends',
  resets: 'streams that the other side resets or makes us reset; beyond the rate the connection ends',
  settings: 'SETTINGS frames; beyond the rate the connection ends',
  pings: 'PING frames; beyond the rate the connection ends',
  priorities: 'PRIORITY and PRIORITY_UPDATE frames; beyond the rate the connection ends',
  emptyFrames:
    'frames that say nothing: empty ones that end nothing, and those of unknown types; beyond the rate the connection ends',
  windowUpdates: 'WINDOW_UPDATE frames; beyond the rate the connection ends',
  headerBlockBytesMax: 'a header block as it comes; the connection ends',
  continuationsMax: 'CONTINUATION frames of one header block; the connection ends',
  headerListBytesMax:
    'a header list, unpacked; the request is answered with 431 or RESOURCE_EXHAUSTED, one that is 64 KiB longer is reset',
  sentListBytesMax: 'names and values of a header list of ours; its stream ends with an error and nothing of it is sent',
  headerFieldsMax: 'fields of a header list; its stream is reset',
  headerTableBytesMax: 'the table of header fields that the other side may use; a wider one ends the connection',
  streamWindowBytes: 'what may come on a stream before it is consumed, at the start; more resets it',
  streamWindowBytesMax: 'what that grows to while both sides keep up; nothing is beyond it',
  connectionWindowBytes:
    'what may come on a connection before we have read it; nothing is beyond it, since credit returns on receipt',
  unreadControlBytesMax: 'answers to frames that the other side does not read; the connection ends',
  framedBytesMax: 'data that waits for the socket; more waits with its stream, whose sender is stopped',
  stallMsMax: 'the time for which data waits for a window; the stream is reset, or the connection ends where it has none itself',
  unreadMsMax: 'the time for which the other side reads nothing; the connection ends',
  partialMsMax: 'the time for which a frame or a header block is in the middle; the connection ends',
  settingsMsMax: 'the time until the other side has said and acknowledged settings; the connection ends',
  rememberedResetsMax: 'streams whose late frames are ignored; those of older ones are answered by resets',
  frameBytesMax: 'the payload of a frame; the connection ends before it is read',
  misusedStreamIdsMax: 'frames with a stream id that they must not have; the first one ends the connection',
  queuedStreamsMax: 'calls that wait for room on a connection of ours; further ones are refused as overloaded',
  unansweredPingsMax: 'pings of ours that wait for their answer; further ones are not sent',
  connectionUnconsumedBytesMax:
    'what was read and not yet passed on, over the streams of a connection; from three quarters on new streams are refused, beyond it the one that waits longest is reset',
  unconsumedBytesMax: 'the same over all connections',
} as const satisfies Readonly<Record<StreamLimitName, string>>;

/** One way to abuse a connection. */
interface Abuse {
  readonly what: string;
  readonly limits: readonly StreamLimitName[];
}

/** The catalogue of abuses: which limits end each of them. */
export const ABUSES: readonly Abuse[] = [
  { what: 'streams opened without end', limits: ['streamsMax', 'refusedStreams'] },
  { what: 'streams opened and reset at once (rapid reset), and streams that we are made to reset', limits: ['resets'] },
  { what: 'a flood of SETTINGS', limits: ['settings'] },
  { what: 'a flood of PING', limits: ['pings'] },
  { what: 'a flood of PRIORITY', limits: ['priorities'] },
  { what: 'a flood of empty or unknown frames', limits: ['emptyFrames'] },
  { what: 'a flood of WINDOW_UPDATE', limits: ['windowUpdates'] },
  { what: 'a flood of CONTINUATION', limits: ['continuationsMax', 'headerBlockBytesMax', 'emptyFrames'] },
  {
    what: 'header blocks that unpack to much more (HPACK bombs)',
    limits: ['headerListBytesMax', 'headerFieldsMax', 'headerTableBytesMax'],
  },
  { what: 'windows that stay closed', limits: ['stallMsMax', 'framedBytesMax'] },
  { what: 'slow readers', limits: ['unreadMsMax', 'framedBytesMax', 'connectionUnconsumedBytesMax', 'unconsumedBytesMax'] },
  { what: 'slow writers', limits: ['partialMsMax', 'settingsMsMax'] },
  { what: 'oversized frames', limits: ['frameBytesMax', 'streamWindowBytes'] },
  { what: 'misused stream ids', limits: ['misusedStreamIdsMax', 'rememberedResetsMax'] },
  { what: 'questions whose answers are not read', limits: ['unreadControlBytesMax'] },
];

const TESTS = {
  abuse: 'packages/h2/src/connection/abuse.test.ts',
  bounds: 'packages/h2/src/connection/bounds.test.ts',
  budget: 'packages/grpc/src/stream/contract/budget.ts',
  budgets: 'packages/grpc/src/stream/receive-budget.test.ts',
  engine: 'packages/grpc/src/stream/frames/frames.test.ts',
} as const;

const OUR_OWN: ReadonlySet<StreamLimitName> = new Set([
  'sentListBytesMax',
  'headerTableBytesMax',
  'streamWindowBytesMax',
  'connectionWindowBytes',
  'framedBytesMax',
  'rememberedResetsMax',
]);

/** The suite that reaches a limit, in a test that has its name. */
export function testOf(limit: StreamLimitName): string {
  switch (limit) {
    case 'queuedStreamsMax':
    case 'connectionUnconsumedBytesMax':
      return TESTS.budget;
    case 'unconsumedBytesMax':
      return TESTS.budgets;
    case 'unansweredPingsMax':
      return TESTS.engine;
    default:
      return OUR_OWN.has(limit) ? TESTS.bounds : TESTS.abuse;
  }
}

function defaultOf(limit: StreamLimitName): string {
  const value = STREAM_LIMIT_DEFAULTS[limit];
  return typeof value === 'number' ? `${value}` : `${value.burst} at once, ${value.perSecond} a second`;
}

/** The page `docs/reference/http2.md`. */
export function http2Reference(): string {
  const limits = Object.entries(HTTP2_LIMITS).map(([name, bounds]) => {
    const limit = name as StreamLimitName;
    return `| \`${limit}\` | ${defaultOf(limit)} | ${bounds} | \`${testOf(limit)}\` |`;
  });
  return `# Limits of HTTP/2

<!-- Made from packages/mesh/src/metrics/http2-limits.ts. Change the table, then run tools/docs/write-reference.ts; a test compares. -->

What one connection may ask of a node, and of a runtime, whoever is at its other end. Each limit refuses or ends what is beyond it, mostly
with ENHANCE_YOUR_CALM, and each time is counted in \`mesh_limits_reached_total{limit="http2.NAME"}\` ([metrics](metrics.md)). Names end in their unit; rates are so many at once and so many a second after that. Those that have a setting are in
[the configuration](configuration.md): \`limits.streamsPerConnectionMax\` is \`streamsMax\`, the others have their name.

With \`http2.engine: node-http2\` the limits of a connection are those of nghttp2, which counts nothing; \`queuedStreamsMax\` and the two of
what is not consumed hold there too.

## Abuses

| who does this | ends at |
| --- | --- |
${ABUSES.map(({ what, limits: names }) => `| ${what} | ${names.map((name) => `\`${name}\``).join(', ')} |`).join('\n')}

## Limits

| limit | default | what it bounds, and what becomes of the rest | shown by |
| --- | --- | --- | --- |
${limits.join('\n')}
`;
}
