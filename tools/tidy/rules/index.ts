/** The door: the rules of the house, all of them. */
import type { Rule } from '../rule.ts';
import { noFileCycles, noRoomCycles } from './cycles.ts';
import { dependenciesJustified } from './dependencies.ts';
import { coreIsPure, foreignModulesDeclared, importsGoDown, relativeStaysInside } from './direction.ts';
import { publicIsDocumented } from './documented.ts';
import { onlyThroughDoors } from './doors.ts';
import { noAny, noNonNull, noSwitchedOffChecks } from './escapes.ts';
import { ambientOnlyInItsDoor } from './globals.ts';
import { packagesCarryLicence } from './licences.ts';
import { namedRooms, noMachinePaths, nothingUnfinished } from './names.ts';
import { shortFiles, shortFunctions } from './size.ts';
import { suitesHaveOneTier, tiersWrittenDown } from './tiers.ts';

export const rules = {
  importsGoDown,
  coreIsPure,
  foreignModulesDeclared,
  relativeStaysInside,
  onlyThroughDoors,
  noFileCycles,
  noRoomCycles,
  shortFiles,
  shortFunctions,
  noAny,
  noNonNull,
  noSwitchedOffChecks,
  ambientOnlyInItsDoor,
  namedRooms,
  nothingUnfinished,
  noMachinePaths,
  publicIsDocumented,
  suitesHaveOneTier,
  tiersWrittenDown,
  dependenciesJustified,
  packagesCarryLicence,
} satisfies Record<string, Rule>;
