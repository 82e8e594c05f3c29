import { digits, judged, type Spread, type Table } from '../figures/index.ts';
import { CONVERSION_MAX, type ConversionFigures } from './conversion.ts';
import { END_TO_END_MAX, type EndToEndFigures } from './end-to-end.ts';

const shown = ({ median, min, max }: Spread): string => `${digits(median)} (${digits(min)}–${digits(max)})`;

/** What the conversion costs, a line for each style of numbers. */
export const conversionTable = (figures: readonly ConversionFigures[]): Table => ({
  title:
    'V2 JSON of 1 000 float32 ↔ ModelInfer, CPU µs: request + answer, beside JSON.parse, generated classes and JSON.stringify',
  columns: ['numbers', 'request', 'answer', 'slow request', 'slow answer', 'ratio', 'aim', 'with raw contents by hand'],
  rows: figures.map((one) => [
    one.style,
    digits(one.requestUs, 1),
    digits(one.answerUs, 1),
    digits(one.slowRequestUs, 1),
    digits(one.slowAnswerUs, 1),
    one.style === 'shortest' ? judged(shown(one.ratio), one.ratio.median <= CONVERSION_MAX) : shown(one.ratio),
    one.style === 'shortest' ? digits(CONVERSION_MAX) : '',
    shown(one.ratioRaw),
  ]),
});

/** What a call through the node costs. */
export const endToEndTable = ({ nodeUs, slowUs, nodeHttp1Us, ratio, ratioHttp1 }: EndToEndFigures): Table => ({
  title:
    'A V2 call of 1 000 float32 through the node, CPU µs without the runtime, beside a program that converts the slow way and does no more',
  columns: ['', 'node', 'slow way over HTTP/2', 'ratio', 'aim'],
  rows: [
    [
      'HTTP/2',
      digits(nodeUs, 0),
      digits(slowUs, 0),
      judged(shown(ratio), ratio.median <= END_TO_END_MAX),
      digits(END_TO_END_MAX),
    ],
    ['HTTP/1.1', digits(nodeHttp1Us, 0), digits(slowUs, 0), shown(ratioHttp1), ''],
  ],
});
