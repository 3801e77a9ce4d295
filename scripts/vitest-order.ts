/** The order of test files: those that take long come first, so that the last minutes do not belong to one of them alone. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** A minute or so each; all others take seconds. */
const LONG = [
  'test/crash/cluster.test.ts',
  'test/store/postgres.test.ts',
  'test/store/mysql.test.ts',
  'test/examples/',
  'test/transactions/',
  'test/e2e/database-server.test.ts',
  'test/e2e/cron.test.ts',
  'test/store/sqlite.test.ts',
  'test/crash/kill.test.ts',
  'test/delivery/matrix.test.ts',
  'test/library/events.test.ts',
];

export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files);
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONG.findIndex((part) => moduleId.includes(part));
      return found < 0 ? LONG.length : found;
    };
    return usual.toSorted((a, b) => place(a) - place(b));
  }
}
