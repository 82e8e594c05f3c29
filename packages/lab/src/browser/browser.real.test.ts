import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { HealthCheckResponse_ServingStatus as HealthStatus } from '@modelmesh/wire/grpc-services';
import { ModelStatusInfo_ModelStatus as Status } from '@modelmesh/wire/mmesh';
import { freeFolder, NodeProcess, splitAddress } from '../node-process/index.ts';
import { certificate, TlsFiles } from '../operations/certificates.ts';
import { Chromium, type Outcome } from './chromium.ts';
import { PageServer } from './page-server.ts';

const driver = process.env.MESH_TEST_CHROMEDRIVER;
const missing = driver === undefined ? (process.env.MESH_TEST_MISSING ?? 'chromedriver is not prepared') : false;
const START_MS = 90_000;
const NOT_FOUND = 5;
const WORDS = Array.from({ length: 20 }, (_, at) => `word${at}`);
/** As the runtime gives them back: each with what stood before it. */
const SPOKEN = WORDS.map((word, at) => (at === 0 ? word : ` ${word}`));

interface RestAnswer {
  readonly status: number;
  readonly body: { readonly outputs?: readonly { readonly data: readonly string[] }[] };
}

const value = (outcome: Outcome): unknown => {
  assert.equal(outcome.kind, 'value', JSON.stringify(outcome));
  return outcome.kind === 'value' ? outcome.value : undefined;
};
const isNotFound = (outcome: Outcome): void => {
  assert.ok(outcome.kind === 'error', JSON.stringify(outcome));
  assert.equal(outcome.code, NOT_FOUND);
  assert.match(outcome.message, /nobody/);
};

for (const protected_ of [false, true]) {
  describe(`a page in Chromium, and a node over ${protected_ ? 'TLS and HTTP/2' : 'HTTP/1.1'}`, { skip: missing }, () => {
    let folder: Awaited<ReturnType<typeof freeFolder>>;
    let pages: PageServer;
    let node: NodeProcess;
    let browser: Chromium;
    let url: string;

    before(
      async () => {
        folder = await freeFolder();
        pages = await PageServer.start();
        const tls = new TlsFiles(folder.path);
        tls.use(certificate());
        const own = { 'runtime-server': 'stream-text', 'cors-origins': pages.originAt('localhost') };
        node = await NodeProcess.start({ folder: folder.path, flags: protected_ ? { ...own, ...tls.flags } : own });
        const [, port] = splitAddress(node.addresses.inference);
        url = protected_ ? `https://localhost:${port}` : `http://localhost:${port}`;
        browser = await Chromium.start(driver ?? '');
        await browser.open(pages.originAt('localhost'));
      },
      { timeout: START_MS },
    );

    after(async () => {
      await browser[Symbol.asyncDispose]();
      await node[Symbol.asyncDispose]();
      await pages[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });

    it('registers a model, learns its status, and asks for health', async () => {
      assert.equal(value(await browser.call('connectRegister', url, 'story')), Status.LOADED);
      assert.equal(value(await browser.call('connectModelStatus', url, 'story')), Status.LOADED);
      assert.equal(value(await browser.call('connectHealth', url)), HealthStatus.SERVING);
    });

    it('infers in binary form, once and as a stream, with the client of Connect', async () => {
      assert.equal(value(await browser.call('connectUnary', url, 'story', 'one two ü')), 'one two ü');
      assert.deepEqual(value(await browser.call('connectStream', url, 'story', WORDS.join(' '))), SPOKEN);
    });

    it('infers in text and in binary form, once and as a stream, with the client of Google', async () => {
      for (const format of ['text', 'binary']) {
        assert.equal(value(await browser.call('googleUnary', url, format, 'story', 'one two ü')), 'one two ü', format);
        assert.deepEqual(value(await browser.call('googleStream', url, format, 'story', WORDS.join(' '))), SPOKEN, format);
      }
    });

    it('reads the status and the message of a call that fails', async () => {
      isNotFound(await browser.call('connectUnary', url, 'nobody', 'x'));
      isNotFound(await browser.call('connectStream', url, 'nobody', 'x'));
      for (const format of ['text', 'binary']) {
        isNotFound(await browser.call('googleUnary', url, format, 'nobody', 'x'));
        isNotFound(await browser.call('googleStream', url, format, 'nobody', 'x'));
      }
    });

    it('asks REST and management', async () => {
      const asked = value(await browser.call('restInfer', url, 'story', 'one')) as RestAnswer;
      assert.deepEqual([asked.status, asked.body.outputs?.[0]?.data], [200, ['one']]);
      assert.equal(value(await browser.call('restModels', url)), 200);
    });

    it('is kept from all of it by the browser when its origin is not listed', async () => {
      await browser.open(pages.originAt('127.0.0.1'));
      try {
        const refused: readonly (readonly [string, ...string[]])[] = [
          ['connectUnary', url, 'story', 'x'],
          ['connectStream', url, 'story', 'x'],
          ['googleUnary', url, 'text', 'story', 'x'],
          ['googleStream', url, 'binary', 'story', 'x'],
          ['restInfer', url, 'story', 'x'],
          ['restModels', url],
        ];
        for (const [name, ...args] of refused) {
          const outcome = await browser.call(name, ...args);
          assert.equal(outcome.kind, 'error', `${name}: ${JSON.stringify(outcome)}`);
          assert.ok(outcome.kind === 'error' && !/not found/.test(outcome.message), 'the node was read');
        }
      } finally {
        await browser.open(pages.originAt('localhost'));
      }
    });
  });
}
