/** `npm run example NAME`: starts a node, runs one example of an endpoint, and prints what it proves; exit code 1 when a claim does not hold. */
import { ENDPOINT_EXAMPLES, type EndpointExample, EXAMPLE_NODES, ExampleMesh } from './index.ts';

const isExample = (name: string): name is EndpointExample => Object.hasOwn(ENDPOINT_EXAMPLES, name);

const [name = ''] = process.argv.slice(2);
if (!isExample(name)) {
  console.error(`npm run example NAME, with one of ${Object.keys(ENDPOINT_EXAMPLES).join(', ')}`);
  process.exitCode = 2;
} else {
  console.log('starting a node');
  await using mesh = await ExampleMesh.start((line) => console.log(line), EXAMPLE_NODES[name]);
  await ENDPOINT_EXAMPLES[name](mesh);
  const failed = mesh.claims.filter(({ holds }) => !holds).length;
  console.log(
    failed === 0 ? `\nall ${mesh.claims.length} claims hold` : `\n${failed} of ${mesh.claims.length} claims do not hold`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}
