/** What an application may ask of delivery in its process, in place of the settings of the same names. */
import { type Config, type PosthasteConfig, settingOf } from '../config/settings.ts';
import { checkOptions, PosthasteError, shown } from '../errors.ts';

const NAMES = ['maxBatch', 'maxDeferred', 'throttle', 'batchPause', 'maxRetries', 'retry'] as const;

/** Each as the setting of its name; times in ms, or as `200ms`, `30s`. Default: as the settings say. */
export type WorkOptions = Pick<PosthasteConfig, (typeof NAMES)[number]>;

/** The settings with these options in their place. Throws OPTION_INVALID. */
export function withOptions(config: Config, options: WorkOptions): Config {
  checkOptions(options);
  const unknown = Object.keys(options).find((name) => !(NAMES as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new PosthasteError('OPTION_INVALID', `Work has no option ${unknown}: there are ${NAMES.join(', ')}.`);
  const given = NAMES.flatMap((name) => (options[name] === undefined ? [] : [[name, read(name, options[name])]]));
  return { ...config, ...(Object.fromEntries(given) as Partial<Config>) };
}

function read(name: (typeof NAMES)[number], value: unknown): unknown {
  const { schema, allowed } = settingOf(name).kind;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new PosthasteError('OPTION_INVALID', `${name} is ${shown(value)}: give ${allowed}.`);
}
