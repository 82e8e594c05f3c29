import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CelEngine, compileCondition, compileText, isProblem } from './index.ts';
import { anyConditions, GENERATED_PAYLOAD } from './testing/index.ts';
import { readInstantMs, TIME_FIELDS } from './time-field.ts';

const SEED = 20261202;
const nothing: CelEngine = {
  condition: () => ({ indexable: false, test: () => 'other' }),
  text: () => ({ read: () => undefined }),
};
const context = { engine: nothing, payload: GENERATED_PAYLOAD };

const word = fc.constantFrom(
  ...'header query payload tenant time . .x [ ] ( ) { } , ? : ! && || == != < <= in + - * / % "a" \'b\' """ r" \\ 1 1.5 1e9 0x1f 1u true null has all map size'.split(
    ' ',
  ),
  ' ',
  '\n',
  '//',
  'é',
  '🜚',
);

describe('laws of reading expressions', () => {
  it('whatever is written gives an expression or a problem at a place within it, and is never thrown', () => {
    const written = fc.oneof(
      fc.array(word, { maxLength: 25 }).map((words) => words.join('')),
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.tuple(anyConditions, fc.nat(400), word).map(([source, at, mark]) => {
        const place = at % source.length;
        return source.slice(0, place) + mark + source.slice(place + 1);
      }),
    );
    let refused = 0;
    fc.assert(
      fc.property(written, (source) => {
        for (const result of [compileCondition(source, context), compileText(source, context)]) {
          if (!isProblem(result)) continue;
          refused++;
          assert.ok(result.message.length > 0);
          assert.ok(Number.isInteger(result.at) && result.at >= 0 && result.at <= source.length, `${result.at}: ${source}`);
        }
      }),
      { seed: SEED, numRuns: 5000 },
    );
    assert.ok(refused > 3000, `only ${refused} were refused`);
  });
});

describe('laws of times', () => {
  it('accessors are those of a Date in UTC', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (date) => {
          const ms = date.getTime();
          assert.equal(TIME_FIELDS.getFullYear(ms), date.getUTCFullYear());
          assert.equal(TIME_FIELDS.getMonth(ms), date.getUTCMonth());
          assert.equal(TIME_FIELDS.getDate(ms), date.getUTCDate());
          assert.equal(TIME_FIELDS.getDayOfMonth(ms), date.getUTCDate() - 1);
          assert.equal(TIME_FIELDS.getDayOfWeek(ms), date.getUTCDay());
          assert.equal(TIME_FIELDS.getHours(ms), date.getUTCHours());
          assert.equal(TIME_FIELDS.getMinutes(ms), date.getUTCMinutes());
          assert.equal(TIME_FIELDS.getSeconds(ms), date.getUTCSeconds());
          assert.equal(TIME_FIELDS.getMilliseconds(ms), date.getUTCMilliseconds());
          const newYear = new Date(date);
          newYear.setUTCMonth(0, 1);
          newYear.setUTCHours(0, 0, 0, 0);
          assert.equal(TIME_FIELDS.getDayOfYear(ms), Math.floor((ms - newYear.getTime()) / 86_400_000));
        },
      ),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it('an instant that was written is read as it was, in any zone', () => {
    const instants = fc.tuple(
      fc.date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9000-01-01T00:00:00Z'), noInvalidDate: true }),
      fc.integer({ min: -1439, max: 1439 }),
    );
    fc.assert(
      fc.property(instants, ([date, zone]) => {
        assert.equal(readInstantMs(date.toISOString()), date.getTime());
        const local = new Date(date.getTime() + zone * 60_000).toISOString().slice(0, -1);
        const minutes = Math.abs(zone);
        const two = (value: number): string => String(value).padStart(2, '0');
        const offset = `${zone < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
        assert.equal(readInstantMs(`${local}${offset}`), date.getTime());
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  for (const text of [
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00.1234Z',
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00:00+24:00',
  ]) {
    it(`${text} is none`, () => assert.equal(readInstantMs(text), undefined));
  }
});
