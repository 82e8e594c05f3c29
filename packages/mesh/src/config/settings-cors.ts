/** Which web pages may ask this node. */
import { type DurationMs, durationMs } from '@modelmesh/core';
import { setting } from './setting.ts';
import { duration, listOf, text, type ValueKind, yesNo } from './value-kind.ts';

const ORIGIN = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/(?:\[[0-9a-f:.]+\]|[^\s/?#@,:[\]]+)(?::[0-9]{1,5})?)$/;
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const DAY_MS = 86_400_000;

const lowerCase = (kind: ValueKind<string>): ValueKind<string> => ({
  expected: kind.expected,
  parse: (raw) => kind.parse(typeof raw === 'string' ? raw.toLowerCase() : raw),
});

const origin = lowerCase(text('an origin such as https://app.example or http://localhost:3000 (no path), or *', ORIGIN));
const fieldName = lowerCase(text('the name of a header', FIELD_NAME));

/** Cross-origin requests (CORS). Without an origin the node does nothing for browsers, which then keep its answers from pages of elsewhere. */
export const CORS_SETTINGS = {
  corsOrigins: setting<readonly string[]>({
    path: 'cors.origins',
    kind: listOf(origin),
    default: [],
    live: true,
    doc: 'Origins of web pages that may ask this node, over gRPC-Web, REST and management; `*`: any. Written as browsers send them: scheme, host, and the port unless it is the one of the scheme.',
  }),
  corsRequestHeaders: setting<readonly string[]>({
    path: 'cors.requestHeaders',
    kind: listOf(fieldName),
    default: [],
    live: true,
    doc: 'Headers that pages may send besides those that the node understands: the metadata of runtimes. `*`: any.',
  }),
  corsAnswerHeaders: setting<readonly string[]>({
    path: 'cors.answerHeaders',
    kind: listOf(fieldName),
    default: [],
    live: true,
    doc: "Headers of answers that pages may read besides the node's own: metadata that runtimes answer with before their first message.",
  }),
  corsMaxAge: setting<DurationMs>({
    path: 'cors.maxAge',
    kind: duration(0, DAY_MS),
    default: durationMs(3_600_000),
    defaultText: '1h',
    live: true,
    doc: 'How long a browser may remember what it was allowed.',
  }),
  corsCredentials: setting({
    path: 'cors.credentials',
    kind: yesNo,
    default: false,
    live: true,
    doc: 'Whether pages may send cookies and client certificates. Not with the origin `*`.',
  }),
};
