import { MeshError } from '@modelmesh/core';
import type { PreviewView } from '@modelmesh/sdk/client';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { type Format, printValue, tableText } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';
import { percentText } from './edit-options.ts';

type Pairs = Readonly<Record<string, string>>;

/** `mmesh route --endpoint NAME`. */
export function addRoute(program: Command, cli: Cli): void {
  const command = program
    .command('route')
    .summary('tell where a call would go, and why, without sending one')
    .description(
      'Tells which variant of an endpoint a call would get, and why: what each rule says of it, its unit and slot, the shares, the model and its ' +
        'copies. Nothing is sent, loaded or counted.',
    )
    .requiredOption('--endpoint <name>', 'name of the endpoint')
    .option('--header <name=value>', 'a header or metadata field of the call; may be repeated', pair, {})
    .option('--query <name=value>', 'a parameter of its query; may be repeated', pair, {})
    .option('--payload <name=value>', 'a declared payload field; may be repeated', pair, {})
    .option('--path <path>', 'its path, for instance /v2/models/fraud/infer', '')
    .option('--method <method>', 'its HTTP method', 'POST')
    .option('--tenant <name>', 'organisation of the caller', '')
    .option('--client <subject>', 'who calls', '')
    .option('--unit <unit>', 'the unit that a sticky token would bring');
  withOutput(withServer(command)).action((options: RouteOptions) =>
    withRest(cli.world, options, async (rest) => {
      const { endpoint, header, query, payload, path, method, tenant, client, unit } = options;
      const headers = Object.fromEntries(Object.entries(header).map(([name, value]) => [name.toLowerCase(), value]));
      const call = { headers, query, payload, path, method, tenant, client, unit: unit ?? null };
      const preview = await rest.preview(endpoint, call, { signal: cli.world.interrupted });
      printValue(cli.world, options.output, preview, () => cli.world.out.write(previewText(preview)));
    }),
  );
}

interface RouteOptions extends ServerOptions {
  readonly output: Format;
  readonly endpoint: string;
  readonly header: Pairs;
  readonly query: Pairs;
  readonly payload: Pairs;
  readonly path: string;
  readonly method: string;
  readonly tenant: string;
  readonly client: string;
  readonly unit?: string;
}

function pair(text: string, before: Pairs): Pairs {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected a name, an equals sign and a value');
  const name = text.slice(0, at);
  if (Object.hasOwn(before, name))
    throw new MeshError('invalid-argument', `${name} is given twice; several values of a field are joined by ", "`);
  return { ...before, [name]: text.slice(at + 1) };
}

function previewText(preview: PreviewView): string {
  const { endpoint, revision, variant, model, reason, byChance, rules, unit, slot, variants, mirrors, fallback } = preview;
  const lines = [
    `${endpoint} (revision ${revision}) → variant ${variant} → model ${model}`,
    `why: ${reason}${byChance ? '; another such call may get another variant' : ''}`,
    '',
  ];
  const parts = [lines.join('\n')];
  if (rules.length > 0) {
    const columns = [
      { title: 'RULE', cell: (rule: PreviewView['rules'][number]) => rule.name },
      { title: 'OUTCOME', cell: (rule: PreviewView['rules'][number]) => rule.outcome },
      { title: 'WHEN', cell: (rule: PreviewView['rules'][number]) => rule.when },
    ];
    parts.push(tableText(columns, rules));
  }
  if (unit !== null) parts.push(`unit ${unit}, slot ${slot} of 10000\n`);
  parts.push(
    tableText(
      [
        { title: 'VARIANT', cell: ({ name }) => name },
        { title: 'SHARE', cell: ({ percent }) => percentText(percent) },
        { title: 'MODEL', cell: (one) => one.model },
        {
          title: 'AVAILABLE',
          cell: ({ available }) => (available ? 'yes' : 'no: it cannot be loaded, the others have its share'),
        },
      ],
      variants,
    ),
  );
  for (const { to, percent } of mirrors) parts.push(`shadow ${to} gets ${percentText(percent)} of such calls too\n`);
  if (fallback !== null) parts.push(`where it does not answer: ${fallback}\n`);
  parts.push(copiesText(preview));
  return parts.join('');
}

const copiesText = ({ model, status, copies }: PreviewView): string => {
  if (copies.length === 0) return `${model} is ${status}: the call would load it\n`;
  return `copies of ${model}: ${copies.map(({ instance, status: state }) => `${instance} (${state})`).join(', ')}\n`;
};
