import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deadLinkOn, makeFolders } from './folders.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'posthaste-folders-'));
});

afterEach(() => rmSync(root, { recursive: true }));

test('a folder is made with those above it, for its owner alone, and stays when it is there', () => {
  makeFolders(join(root, 'a', 'b'));
  makeFolders(join(root, 'a', 'b'));
  for (const path of ['a', 'a/b']) expect(statSync(join(root, path)).mode & 0o777).toBe(0o700);
});

test.skipIf(!existsSync('/proc/self'))('where none can be made it is said, and what is above it', () => {
  expect(() => makeFolders('/proc/posthaste/b')).toThrow('the folder /proc/posthaste cannot be made: /proc takes none');
});

test('a link that leads nowhere is named, also from far below it', () => {
  const link = join(root, 'volume');
  symlinkSync('/nonexistent/vol', link);
  const words = `the symbolic link ${link} leads to /nonexistent/vol, which is not there`;
  expect(() => makeFolders(join(link, 'a', 'b'))).toThrow(words);
  expect(deadLinkOn(join(link, 'a', 'b'))).toBe(words);
});

test('a link that leads to a folder is followed', () => {
  symlinkSync(root, join(root, 'link'));
  makeFolders(join(root, 'link', 'a', 'b'));
  expect(existsSync(join(root, 'a', 'b'))).toBe(true);
  expect(deadLinkOn(join(root, 'link', 'c'))).toBe(null);
});

test('below a file the system says what is wrong', () => {
  writeFileSync(join(root, 'file'), '');
  expect(() => makeFolders(join(root, 'file', 'a'))).toThrow('ENOTDIR');
});
