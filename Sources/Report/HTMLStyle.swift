// SPDX-License-Identifier: Apache-2.0

import Charts

/// How the HTML form looks; on paper always light.
enum HTMLStyle {
    private static let light = """
        --ink:#17212b;--muted:#5a6672;--line:#d6dce2;--paper:#fff;--panel:#f5f7f9;--warn:#fff3d6;--warn-ink:#5c3d00;\
        --accent:#004488;\(ChartStyle.light)
        """
    private static let dark = """
        --ink:#e4e9ee;--muted:#9aa7b3;--line:#33404c;--paper:#12181e;--panel:#1a222a;--warn:#3d2f10;--warn-ink:#ffdf9e;\
        --accent:#8dc0f2;\(ChartStyle.dark)
        """

    /// Of a page that holds nothing else.
    static func page(_ report: WeeklyReport) -> String {
        // A week is letters, digits and a dash: nothing in a string of CSS that would end it.
        let words = "Weekly insider-risk report \(report.header.week), \(report.edition.rawValue) edition, confidential"
        return """
            html{background:#fff}body{margin:0}
            @media (prefers-color-scheme:dark){html{background:#12181e}}
            @media print{html{background:#fff}}
            @page{@top-left{content:"\(words)";font:9px sans-serif;color:#5a6672}}
            @page:first{@top-left{content:""}}
            """
    }

    static let css = """
        .report{\(light)color-scheme:light dark}
        @media (prefers-color-scheme:dark){.report{\(dark)}}
        @media print{.report{\(light)color-scheme:light}}
        \(rules)
        \(ChartStyle.rules)
        """

    private static let rules = """
        .report{box-sizing:border-box;max-width:72em;margin:0 auto;padding:1.5em;background:var(--paper);color:var(--ink);\
        font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;overflow-wrap:break-word}
        .report *,.report *::before{box-sizing:inherit}
        .report h1{font-size:1.7em;line-height:1.2;margin:0 0 .3em}
        .report h2{font-size:1.25em;margin:2.4em 0 .6em;padding-top:.7em;border-top:2px solid var(--ink)}
        .report h3{font-size:1em;margin:1.3em 0 .4em}
        .report p{margin:.4em 0;max-width:52em}
        .report a{color:var(--accent)}
        .report .muted{color:var(--muted)}
        .report .note{color:var(--muted);font-size:.87em}
        .report .note::before{content:"Note: "}
        .report .warning{background:var(--warn);color:var(--warn-ink);padding:.6em .9em;border-radius:6px;max-width:none}
        .report code{font-family:ui-monospace,"SFMono-Regular",Menlo,Consolas,"Liberation Mono",monospace;font-size:.92em;\
        overflow-wrap:anywhere}
        .report .edition{display:inline-block;border:1px solid var(--line);border-radius:999px;padding:.05em .7em;\
        font-size:.5em;margin-left:.7em;vertical-align:middle;font-weight:400}
        .report nav ol{columns:3;gap:2em;margin:.6em 0;padding-left:1.6em;font-size:.9em}
        .report ol.lines{padding-left:1.3em;max-width:52em}
        .report ol.lines li{margin:.35em 0}
        .report .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5em,1fr));gap:.7em;margin:1em 0;padding:0}
        .report .card{background:var(--panel);border-radius:8px;padding:.7em .9em;margin:0}
        .report .card dt{color:var(--muted);font-size:.82em;line-height:1.25}
        .report .card dd{margin:.15em 0 0;font-size:1.45em;font-weight:650;line-height:1.2;font-variant-numeric:tabular-nums}
        .report .card .was{display:block;color:var(--muted);font-size:.55em;font-weight:400}
        .report .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26em,100%),1fr));gap:1.2em 2em}
        .report figure{margin:.8em 0;break-inside:avoid}
        .report figcaption{font-weight:600;font-size:.92em;margin-bottom:.35em}
        .report figcaption span{display:block;font-weight:400}
        .report .scroll{overflow-x:auto}
        .report table{border-collapse:collapse;width:100%;font-size:.86em;margin:.3em 0 .2em;font-variant-numeric:tabular-nums}
        .report th,.report td{text-align:left;vertical-align:top;padding:.32em .6em .32em 0;border-bottom:1px solid var(--line)}
        .report th{font-weight:600;color:var(--muted);white-space:nowrap}
        .report table.narrow{width:auto;min-width:min(26em,100%)}
        .report .wide .chart{max-width:46em}
        .report td.n,.report th.n{text-align:right}
        .report td.n{white-space:nowrap}
        .report td.t{white-space:nowrap}
        .report td.long{min-width:14em}
        .report td.id{min-width:11em}
        .report .level{white-space:nowrap}
        .report .level::before{content:"";display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.4em;\
        border:1px solid var(--chart-grid);background:var(--risk-info)}
        .report .level-low::before{background:var(--risk-low)}
        .report .level-medium::before{background:var(--risk-medium)}
        .report .level-high::before{background:var(--risk-high)}
        .report .level-critical::before,.report .level-fatal::before{background:var(--risk-critical)}
        .report article{border:1px solid var(--line);border-radius:8px;padding:.3em 1em .8em;margin:1em 0}
        .report article h3{margin-top:.6em}
        .report ul.timeline{list-style:none;padding:0;margin:.5em 0;font-size:.88em}
        .report ul.timeline li{display:grid;grid-template-columns:13.5em 6.5em 1fr;gap:.6em;padding:.15em 0}
        .report ul.timeline time{color:var(--muted)}
        .report ul.timeline li.omitted{display:block;color:var(--muted)}
        .report ul.evidence{list-style:none;padding:0;margin:.2em 0;font-size:.82em;color:var(--muted)}
        .report footer{margin-top:2.5em;border-top:1px solid var(--line);padding-top:.8em;color:var(--muted);font-size:.85em}
        @media (max-width:40em){
        .report{padding:1em}
        .report h1{font-size:1.35em}
        .report nav ol{columns:1}
        .report .wide .chart{min-width:34em}
        .report ul.timeline li{display:block;padding:.35em 0;border-bottom:1px solid var(--line)}
        .report ul.timeline time{display:block}
        .report ul.timeline .kind{font-weight:600;margin-right:.4em}
        .report td.long{min-width:11em}
        }
        @page{margin:16mm 14mm 17mm;@bottom-right{content:counter(page) " / " counter(pages);font:9px sans-serif;color:#5a6672}}
        @media print{
        .report{max-width:none;padding:0;font-size:10.5px;line-height:1.4;print-color-adjust:exact;-webkit-print-color-adjust:exact}
        .report nav{display:none}
        .report p,.report li{orphans:3;widows:3}
        .report h2{break-after:avoid;margin-top:1.5em}
        .report #s3{break-before:page}
        .report #s3 h2{margin-top:0}
        .report h3,.report .note,.report figcaption{break-after:avoid}
        .report .note,.report .warning,.report dl.cards{break-inside:avoid}
        .report h3+.muted,.report article p{break-before:avoid}
        .report article h3+p{break-after:avoid}
        .report thead{display:table-header-group}
        .report tr,.report .card,.report li{break-inside:avoid}
        .report .scroll{overflow:visible}
        .report table.short{break-inside:avoid}
        .report table{font-size:9px}
        .report th,.report td{padding:.22em .45em .22em 0}
        .report th{white-space:normal}
        .report td{overflow-wrap:break-word}
        .report td.long{min-width:9em}
        .report td.id{min-width:11.5em}
        .report .wide .chart{max-width:38em}
        .report .cards{grid-template-columns:repeat(6,1fr);gap:.4em}
        .report .card{border:1px solid var(--line);padding:.4em .5em}
        .report .card dd{font-size:1.25em}
        .report .charts{grid-template-columns:1fr 1fr}
        .report article{break-inside:auto;padding:.1em .7em .4em}
        .report ul.timeline li{grid-template-columns:12.5em 6.6em 1fr}
        }
        """
}
