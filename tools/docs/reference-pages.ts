/** Pages of the reference that are made from tables in the code. */
import { cliReference } from '@modelmesh/cli/reference';
import { configurationReference } from '@modelmesh/mesh/config';
import { managementReference } from '@modelmesh/mesh/management';
import { http2Reference, metricsReference } from '@modelmesh/mesh/metrics';
import { errorsPage } from './errors-page.ts';

/** Path in the repository → what stands there. */
export const referencePages: Readonly<Record<string, () => string>> = {
  'docs/guides/errors.md': errorsPage,
  'docs/reference/cli.md': cliReference,
  'docs/reference/configuration.md': configurationReference,
  'docs/reference/http2.md': http2Reference,
  'docs/reference/management.md': managementReference,
  'docs/reference/metrics.md': metricsReference,
};
