import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { GENERATED_WIDTH, generateModel } from '@modelmesh/runtime/testing';
import { SeededRandom } from '../load/index.ts';

/** A row that a model is asked about, and the only right answer. */
export interface Question {
  readonly row: readonly number[];
  readonly answer: readonly number[];
}

/** One generated model on disk. The weights are forgotten; what they say to a few rows is kept. */
export interface FleetModel {
  readonly key: string;
  readonly path: string;
  readonly weightBytes: number;
  readonly questions: readonly Question[];
}

/** Which models are made. Equal plans make equal models. */
export interface FleetPlan {
  readonly models: number;
  readonly weightBytesMin: number;
  readonly weightBytesMax: number;
  /** Rows that each model is asked about. */
  readonly questionsEach: number;
  readonly seed: number;
}

/** Whole numbers that the exact answers of generated models allow. */
const ROW_VALUES = [-3, -2, -1, 0, 1, 2, 3] as const;

/**
 * Writes models of sizes between the bounds, each with weights of its own, into `folder`. `onModel` hears how many are written.
 */
export async function makeFleet(
  plan: FleetPlan,
  folder: string,
  onModel: (written: number) => void = () => {},
): Promise<readonly FleetModel[]> {
  const random = new SeededRandom(plan.seed);
  const models: FleetModel[] = [];
  for (let number = 0; number < plan.models; number++) {
    const weightBytes = plan.weightBytesMin + random.below(plan.weightBytesMax - plan.weightBytesMin + 1);
    models.push(await makeModel(plan, folder, number, weightBytes, random));
    onModel(models.length);
  }
  return models;
}

async function makeModel(
  plan: FleetPlan,
  folder: string,
  number: number,
  weightBytes: number,
  random: SeededRandom,
): Promise<FleetModel> {
  const key = `model-${String(number).padStart(3, '0')}`;
  const path = join(folder, `${key}.onnx`);
  const model = generateModel({ weightBytes, seed: plan.seed * 1000 + number });
  const file = await open(path, 'w');
  try {
    for (const chunk of model.chunks) await file.write(chunk);
  } finally {
    await file.close();
  }
  const questions = Array.from({ length: plan.questionsEach }, () => {
    const row = Array.from({ length: GENERATED_WIDTH }, () => ROW_VALUES[random.below(ROW_VALUES.length)] ?? 0);
    return { row, answer: model.answer(row) };
  });
  return { key, path, weightBytes, questions };
}
