// Colours of series: told apart by people who do not see red and green, on both
// grounds, at 3:1 against them.
export const light = ['#1d8a84', '#d9822b', '#4a6bd0', '#b0487a', '#7a8b22', '#8a5fc7', '#c4553a', '#2f8fb8', '#93713a', '#5d7a68', '#a35aa0', '#6b7686']
export const dark = ['#45b8b0', '#eda04f', '#7f9bf0', '#dc7fab', '#b1c04f', '#b694ee', '#ea8369', '#62bde2', '#c9a468', '#8fb59d', '#d291cf', '#8d98a8']

export const palette = (isDark: boolean) => (isDark ? dark : light)

export function colours(isDark: boolean) {
  return isDark
    ? { text: '#a3aebc', strong: '#e9edf2', line: '#262e38', surface: '#161b21', ghost: '#c3ccd8' }
    : { text: '#545e6d', strong: '#161a20', line: '#e3e6eb', surface: '#ffffff', ghost: '#4a5462' }
}
