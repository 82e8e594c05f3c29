/** The door of the room: meshes of real nodes on a real etcd. */
export { echo, MeshOfNodes, registerNull, startMember, startMesh } from './mesh-of-nodes.ts';
