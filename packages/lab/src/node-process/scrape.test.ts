import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseScrape } from './index.ts';

describe('a scrape', () => {
  it('gives each series, and each name as the sum of its series', () => {
    const text =
      '# HELP a words\n# TYPE a counter\na{code="OK",m="x y"} 2\na{code="ABORTED"} 3\nb 1.5e3\nc_bucket{le="+Inf"} 4\n';
    const values = parseScrape(text);
    assert.deepEqual(
      [values.get('a'), values.get('a{code="OK",m="x y"}'), values.get('b'), values.get('c_bucket{le="+Inf"}')],
      [5, 2, 1500, 4],
    );
  });

  it('gives nothing for what is no series', () => {
    assert.deepEqual([...parseScrape('\n# a 1\n<html> 1\n')], []);
  });
});
