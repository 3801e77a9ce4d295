/** For addresses where nothing is. */
import { Link } from 'wouter';
import { Empty } from '../design/states.tsx';
import { useTitle } from './title.ts';

export function NotFound() {
  useTitle('No such page');
  return (
    <Empty icon="search" title="There is no such page">
      <p>Perhaps the address was cut off, or the page had another name.</p>
      <Link href="/" className="button">
        To the overview
      </Link>
    </Empty>
  );
}
