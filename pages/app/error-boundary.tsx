/** A page that breaks leaves the others whole. */
import { Component, type ReactNode } from 'react';
import { ErrorState } from '../design/states.tsx';

interface Props {
  readonly children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { readonly error: unknown }> {
  override state = { error: undefined as unknown };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    // A newer version may have taken the place of the files that this page would load.
    return error === undefined ? this.props.children : <ErrorState error={error} retry={() => location.reload()} />;
  }
}
