/** Small drawings, each on a field of 24 by 24. */
const PATHS = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z',
  messages: 'M3 6h18v12H3zM3 7l9 6 9-6',
  relays: 'M4 12h11m-4-4 4 4-4 4M18 5v14',
  suppression: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.8 5.8l12.4 12.4',
  nodes: 'M4 4h16v6H4zM4 14h16v6H4zM8 7h.01M8 17h.01',
  audit: 'M6 3h9l4 4v14H6zM9 12h6M9 16h6M9 8h3',
  webhooks: 'M7 17a3 3 0 1 0 0 .01M17 17a3 3 0 1 0 0 .01M12 6a3 3 0 1 0 0 .01M7 17h10M12 6 7 17M12 6l5 11',
  settings: 'M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5',
  capture: 'M3 13h5l2 3h4l2-3h5M5 5h14l2 8v6H3v-6z',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4 12H2M22 12h-2M5 5l1.5 1.5M17.5 17.5 19 19M19 5l-1.5 1.5M6.5 17.5 5 19',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  system: 'M3 5h18v11H3zM9 20h6M12 16v4',
  close: 'M6 6l12 12M18 6 6 18',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  down: 'M5 9l7 7 7-7',
  retry: 'M20 5v5h-5M19.5 10A8 8 0 1 0 20 14',
  hold: 'M9 5v14M15 5v14',
  release: 'M7 5l12 7-12 7z',
  cancel: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 9l6 6M15 9l-6 6',
  again: 'M4 4v6h6M4.5 10a8 8 0 1 1-.500 4',
  out: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  download: 'M12 4v11m-5-5 5 5 5-5M5 20h14',
  upload: 'M12 15V4M7 9l5-5 5 5M5 20h14',
  plus: 'M12 5v14M5 12h14',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13',
  check: 'M5 12.5l4.5 4.5L19 7',
  warning: 'M12 4 2.5 20h19zM12 10v4M12 17h.01',
  keyboard: 'M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8',
  external: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
} as const;

export type IconName = keyof typeof PATHS;

/** Says nothing by itself: what it stands beside has words, or its button a label. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className="icon-image" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
