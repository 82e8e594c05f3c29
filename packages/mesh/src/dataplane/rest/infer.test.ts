import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { echo, jsonOf, RestRig } from './testing/index.ts';

for (const version of ['http1', 'http2'] as const) {
  describe(`V2 infer over ${version}`, () => {
    let rig: RestRig;
    before(async () => {
      rig = await RestRig.start();
      await rig.model('echo', { behaviour: { inputs: [], infer: echo } });
    });
    after(() => rig.close());

    it('echoes tensors', async () => {
      const body = JSON.stringify({ id: 'a', inputs: [{ name: 'x', datatype: 'INT64', shape: [2], data: [1, 2] }] });
      const answer = await rig.client.ask(version, { method: 'POST', path: '/v2/models/echo/infer', body });
      assert.equal(answer.status, 200, answer.body.toString());
      assert.deepEqual(jsonOf(answer), {
        model_name: 'echo',
        id: 'a',
        outputs: [{ name: 'x', datatype: 'INT64', shape: [2], data: [1, 2] }],
      });
    });
  });
}
