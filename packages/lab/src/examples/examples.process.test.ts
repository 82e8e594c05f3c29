import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENDPOINT_EXAMPLES, EXAMPLE_NODES, ExampleMesh } from './index.ts';

for (const [name, run] of Object.entries(ENDPOINT_EXAMPLES)) {
  test(`the example ${name} proves what it says`, async (context) => {
    await using mesh = await ExampleMesh.start((line) => context.diagnostic(line), EXAMPLE_NODES[name]);
    await run(mesh);
    assert.ok(mesh.claims.length > 0);
    assert.deepEqual(
      mesh.claims.filter(({ holds }) => !holds).map(({ text }) => text),
      [],
    );
  });
}
