<?php

/**
 * The last events of an inverter, the newest first.
 *
 * @var Station\View $this
 * @var list<Pegel\Snapshot> $events
 */

declare(strict_types=1);

?>
<?php if ($events === []) : ?>
<p class="hint"><?= $this->say('no events') ?></p>
    <?php return;
endif ?>
<table class="events">
<?php foreach ($events as $event) : ?>
  <tr class="<?= $event['level'] === 'warning' ? 'warning' : 'info' ?>">
    <td class="moment"><?= $this->texts->moment($event['at']) ?></td>
    <th scope="row"><?= $this->e($this->texts->of($event['kind'])) ?></th>
    <td><?= $event['value'] === null ? $this->e($event['message'])
        : $this->number($event['value'], 1, $event['unit']) ?></td>
  </tr>
<?php endforeach ?>
</table>
