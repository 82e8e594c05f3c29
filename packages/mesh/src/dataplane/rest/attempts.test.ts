import assert from 'node:assert/strict';
import { it } from 'node:test';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import type { InferRequest, InferResponse } from '@modelmesh/wire/oip';
import { GRPC_CODE, type GrpcCode } from '@modelmesh/wire/status';
import { echo, errorOf, overBoth, type RestRig } from './testing/index.ts';

/** A model whose next calls fail with these codes. */
class Stumbling {
  readonly codes: GrpcCode[] = [];
  /** Called once, within the next call. */
  onNext: (() => void) | undefined;
  calls = 0;

  readonly infer = (request: InferRequest): InferResponse => {
    this.calls += 1;
    this.onNext?.();
    this.onNext = undefined;
    const code = this.codes.shift();
    if (code !== undefined) throw new GrpcStatusError(code, 'stumbled');
    return echo(request);
  };
}

const model = new Stumbling();
const floats = (count: number) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [count], data: Array(count).fill(0.5) }] });
const small = floats(4);

async function prepare(rig: RestRig): Promise<void> {
  await rig.model('m', { behaviour: { inputs: [], infer: model.infer } });
}

overBoth('a call that may have been lost', {}, prepare, (on) => {
  const infer = (body: object, headers = {}) => {
    model.calls = 0;
    return on.post('/v2/models/m/infer', body, headers);
  };

  it('is made again with the same bytes, and the client hears nothing of it', async () => {
    model.onNext = () => on.rig.runtime.dropConnections();
    const answer = await infer(small);
    assert.equal(answer.status, 200, answer.body.toString());
    assert.match(answer.body.toString(), /"data":\[0\.5,0\.5,0\.5,0\.5\]/);
    assert.equal(model.calls, 2);
  });

  it('loads a model again that the runtime has lost', async () => {
    model.codes.push(GRPC_CODE.NOT_FOUND);
    const located = on.rig.located.length;
    assert.equal((await infer(small)).status, 200);
    assert.equal(model.calls, 2);
    assert.equal(on.rig.located.length, located + 1);
  });

  it('is not made again when the client forbids it, or when it is too large to be kept', async () => {
    model.onNext = () => on.rig.runtime.dropConnections();
    assert.match(errorOf(await infer(small, { 'mm-retry': 'never' }), 503), /not repeated/);
    assert.equal(model.calls, 1);
    model.onNext = () => on.rig.runtime.dropConnections();
    assert.match(errorOf(await infer(floats(70_000)), 503), /not repeated/);
    assert.equal(model.calls, 1);
  });

  it('is not made again where trying again changes nothing', async () => {
    model.codes.push(GRPC_CODE.INVALID_ARGUMENT);
    assert.equal(errorOf(await infer(small), 400), 'stumbled');
    assert.equal(model.calls, 1);
  });
});
