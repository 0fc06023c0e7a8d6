// SPDX-License-Identifier: Apache-2.0

/// The colours of charts, for the stylesheet of the page that they stand in.
///
/// Categories are Paul Tol's medium-contrast scheme (https://personal.sron.nl/~pault/, 2021): told apart by people with colour
/// blindness, and by lightness alone in grey print; lines differ by their dashes too. Risk and heat go evenly from light to dark (in the dark
/// from dark to light). A page may set the variables anew.
package enum ChartStyle {
    /// What a light page uses, and paper always.
    package static let light = """
        --chart-1:#004488;--chart-2:#bb7700;--chart-3:#994455;--chart-4:#5588bb;--chart-5:#d9a92f;--chart-6:#d57a8c;\
        --chart-band:#5588bb;--chart-grid:#8a94a0;\
        --risk-info:#dfe3e8;--risk-low:#f5d690;--risk-medium:#e79a3c;--risk-high:#c2471f;--risk-critical:#6a0f1e;\
        --heat-0:#f1f3f5;--heat-1:#d7e6f4;--heat-2:#a6c9e6;--heat-3:#69a3d1;--heat-4:#2c70ad;--heat-5:#0b3a70;\
        --heat-ink-1:#12202e;--heat-ink-2:#12202e;--heat-ink-3:#0a1520;--heat-ink-4:#fff;--heat-ink-5:#fff;
        """

    /// What a dark page uses.
    package static let dark = """
        --chart-1:#7fb8f0;--chart-2:#eecc66;--chart-3:#ee99aa;--chart-4:#4f86bf;--chart-5:#b08a20;--chart-6:#b85f72;\
        --chart-band:#4f86bf;--chart-grid:#7d8894;\
        --risk-info:#333c47;--risk-low:#65552c;--risk-medium:#9c702a;--risk-high:#da8a3e;--risk-critical:#ffbfa8;\
        --heat-0:#1c232b;--heat-1:#1f3347;--heat-2:#264d73;--heat-3:#2f6ea6;--heat-4:#6aa8db;--heat-5:#c3e0f7;\
        --heat-ink-1:#dce6f0;--heat-ink-2:#fff;--heat-ink-3:#fff;--heat-ink-4:#0a1520;--heat-ink-5:#0a1520;
        """

    /// The rules for the classes, without the variables.
    package static let rules: String = {
        var css = """
            .chart{display:block;width:100%;height:auto;font-family:inherit}
            .chart .label{fill:currentColor;fill-opacity:.78}
            .chart .strong{fill:currentColor;font-weight:600}
            .chart .grid{stroke:var(--chart-grid);stroke-opacity:.28}
            .chart .axis{stroke:var(--chart-grid);stroke-opacity:.8}
            .chart .band{fill:var(--chart-band);fill-opacity:.22}
            .chart .expected{stroke:var(--chart-band);stroke-opacity:.9}
            .chart .mark{fill:var(--chart-3)}
            .chart-spark{display:inline-block;width:7.5em;height:1.5em;vertical-align:middle}

            """
        for index in 1...6 {
            css += ".chart .line-\(index){stroke:var(--chart-\(index))}"
            css += ".chart .fill-\(index){fill:var(--chart-\(index));fill-opacity:1}\n"
        }
        for level in ["info", "low", "medium", "high", "critical"] {
            css += ".chart .risk-\(level){fill:var(--risk-\(level));fill-opacity:1}\n"
        }
        for step in 0...5 {
            css += ".chart .heat-\(step){fill:var(--heat-\(step));fill-opacity:1}"
            if step > 0 { css += ".chart .ink-\(step){fill:var(--heat-ink-\(step));fill-opacity:1}" }
            css += "\n"
        }
        return css
    }()

    /// All of it: light, dark where the reader prefers that, light on paper.
    package static let css = """
        :root{\(light)}
        @media (prefers-color-scheme:dark){:root{\(dark)}}
        @media print{:root{\(light)}}
        \(rules)
        """
}
