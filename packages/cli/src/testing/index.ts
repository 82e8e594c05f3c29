/** The door of the room: a world and a mesh for command lines under test. */
export { endpointOf, type FakeAnswer, type FakeMesh, fakeMesh, instanceOf, memoryOf, modelOf } from './fake-mesh.ts';
export { FakeWorld, type FakeWorldOptions } from './fake-world.ts';
