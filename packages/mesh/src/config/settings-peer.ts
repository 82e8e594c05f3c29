/** The settings of the port between nodes. */
import { setting } from './setting.ts';
import { listOf, path, port, text, type ValueKind, yesNo } from './value-kind.ts';

const host = text('a host name or address', /^[A-Za-z0-9_.:-]+$/);
const anything: ValueKind<string> = { expected: 'text', parse: (raw) => (typeof raw === 'string' ? raw : undefined) };

/** Where other nodes reach this one, and how that is protected. Without effect unless the registry is shared. */
export const PEER_SETTINGS = {
  peerHost: setting({
    path: 'peer.host',
    kind: host,
    default: '0.0.0.0',
    live: false,
    doc: 'Address that the port between nodes is bound to. It opens where the registry can be shared: with `registry.kind: etcd`.',
  }),
  peerPort: setting({
    path: 'peer.port',
    kind: port,
    default: 8034,
    live: false,
    doc: 'Port between nodes. What they speak there is our own; ModelMesh has Thrift on 8080. 0 takes a free one.',
  }),
  peerAddress: setting<string | null>({
    path: 'peer.address',
    kind: host,
    default: null,
    defaultText: "the machine's name",
    modelMesh: { names: ['WKUBE_POD_IPADDR'] },
    live: false,
    doc: 'Host name or address that other nodes reach this one by, as its record says.',
  }),
  peerTls: setting<boolean | null>({
    path: 'peer.tls.enabled',
    kind: yesNo,
    default: null,
    defaultText: 'true if a certificate is configured, here or for the listeners',
    modelMesh: { names: ['MM_ENABLE_SSL'] },
    live: false,
    doc: 'Whether nodes speak TLS with each other. The same for all nodes of a mesh.',
  }),
  peerTlsCert: setting<string | null>({
    path: 'peer.tls.certPath',
    kind: path,
    default: null,
    defaultText: '`tls.certPath`',
    live: true,
    doc: 'PEM file with the certificate chain that this node shows to others, as their client and as their server.',
  }),
  peerTlsKey: setting<string | null>({
    path: 'peer.tls.keyPath',
    kind: path,
    default: null,
    defaultText: '`tls.keyPath`',
    live: true,
    doc: 'PEM file with its private key.',
  }),
  peerTlsPassphrase: setting<string | null>({
    path: 'peer.tls.keyPassphrase',
    kind: anything,
    default: null,
    defaultText: '`tls.keyPassphrase`, where the key is that of the listeners',
    live: true,
    secret: true,
    doc: 'Opens an encrypted private key.',
  }),
  peerTlsTrust: setting<readonly string[]>({
    path: 'peer.tls.trustPaths',
    kind: listOf(path),
    default: [],
    defaultText: 'none but the certificates of the node itself',
    modelMesh: { names: ['MM_INTERNAL_TRUST_CERTS', 'MM_TRUST_CERTS'] },
    live: true,
    doc: "PEM files, or folders of `.pem` and `.crt` files, that other nodes are trusted by, besides this node's own certificates. The names in certificates are not compared.",
  }),
  peerTlsMutual: setting({
    path: 'peer.tls.clientAuth',
    kind: yesNo,
    default: true,
    modelMesh: { names: ['MM_INTRACLUSTER_CLIENTAUTH'] },
    live: false,
    doc: 'Whether a node has to show a certificate to another that it calls.',
  }),
};
